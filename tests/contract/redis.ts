import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Redis } from '../../lib/vendor/redis.js'

type Kind = 'embedded' | 'debian' | 'upstash'

export type RedisBackend = {
  name: string
  kind: Kind
  start(): Promise<{ url: string; token: string; stop(): Promise<void> }>
}

/** What the backends may answer differently: a command, and whether it is known. All else is a core case. */
const CAPABILITIES: { command: string[]; known: Record<Kind, boolean> }[] = [
  { command: ['OBJECT', 'HELP'], known: { embedded: false, debian: true, upstash: false } },
  {
    command: ['MEMORY', 'USAGE', 'nothing'],
    known: { embedded: false, debian: true, upstash: false },
  },
  { command: ['JSON.GET', 'nothing'], known: { embedded: false, debian: false, upstash: true } },
]

const COUNT_UP = "local n = redis.call('INCRBY', KEYS[1], ARGV[1]); return {n, tostring(n), 'OK'}"

/** What the product relies on of Redis behind Upstash's REST protocol, through the client it uses. */
export function redisContract(backend: RedisBackend): void {
  describe(backend.name, () => {
    const prefix = `contract:${randomUUID()}:`
    const key = (name: string) => prefix + name
    let running: Awaited<ReturnType<typeof backend.start>>
    let redis: Redis

    beforeAll(async () => {
      running = await backend.start()
      redis = clientOf(running)
    }, 30_000)
    afterAll(() => running.stop())

    test('strings come back as they were set, whatever they look like', async () => {
      for (const value of ['abcd', 'T0s=', 'OK', '', '123', 'true', '{"a":1}', 'ü😀\n\0']) {
        await redis.set(key('s'), value)
        expect(await redis.get(key('s'))).toBe(value)
      }
      expect(await redis.get(key('nothing'))).toBeNull()
      expect(await redis.mget(key('s'), key('nothing'))).toEqual(['ü😀\n\0', null])
    })

    test('a value of 900 KB comes back whole', async () => {
      const value = 'ä'.repeat(450_000)
      await redis.set(key('large'), value)
      expect(await redis.get(key('large'))).toBe(value)
    })

    test('EX, PX, NX and GET of SET do what they say', async () => {
      expect(await redis.set(key('nx'), 'a', { nx: true, ex: 60 })).toBe('OK')
      expect(await redis.set(key('nx'), 'b', { nx: true })).toBeNull()
      expect(await redis.set(key('nx'), 'c', { get: true, ex: 60 })).toBe('a')
      expect(await redis.ttl(key('nx'))).toBeGreaterThan(50)
      await redis.set(key('px'), 'a', { px: 30 })
      await sleep(80)
      expect(await redis.get(key('px'))).toBeNull()
    })

    test('counters count, also many at once', async () => {
      await Promise.all(Array.from({ length: 50 }, () => redis.incrby(key('count'), 2)))
      expect(await redis.get(key('count'))).toBe('100')
      expect(await redis.expire(key('count'), 60)).toBe(1)
    })

    test('hashes hold fields', async () => {
      expect(await redis.hset(key('hash'), { a: '1', b: 'zwei' })).toBe(2)
      // Without deserialization the client gives what the protocol has: fields and values in turn.
      expect(await redis.hgetall(key('hash'))).toEqual(['a', '1', 'b', 'zwei'])
      expect(await redis.hincrby(key('hash'), 'a', 5)).toBe(6)
      expect(await redis.hmget(key('hash'), 'a', 'none')).toEqual(['6', null])
      expect(await redis.hdel(key('hash'), 'a')).toBe(1)
    })

    test('sets and lists hold members', async () => {
      expect(await redis.sadd(key('set'), 'a', 'b', 'a')).toBe(2)
      expect((await redis.smembers(key('set'))).sort()).toEqual(['a', 'b'])
      expect(await redis.sismember(key('set'), 'c')).toBe(0)
      await redis.rpush(key('list'), 'a', 'b', 'c')
      expect(await redis.lrange(key('list'), 0, -1)).toEqual(['a', 'b', 'c'])
    })

    test('sorted sets are ordered by score', async () => {
      await redis.zadd(key('zset'), { score: 2, member: 'b' }, { score: 1.5, member: 'a' })
      expect(await redis.zrange(key('zset'), 0, -1)).toEqual(['a', 'b'])
      expect(await redis.zrange(key('zset'), '-inf', 1.9, { byScore: true })).toEqual(['a'])
      expect(Number(await redis.zscore(key('zset'), 'a'))).toBe(1.5)
      expect(await redis.zremrangebyscore(key('zset'), 0, 1.9)).toBe(1)
    })

    test('bitmaps and scans work', async () => {
      await redis.setbit(key('bits'), 9_999, 1)
      expect([
        await redis.getbit(key('bits'), 9_999),
        await redis.bitcount(key('bits'), 0, -1),
      ]).toEqual([1, 1])
      const found: string[] = []
      let cursor = '0'
      do {
        const [next, keys] = await redis.scan(cursor, { match: `${prefix}bit*`, count: 1_000 })
        cursor = next
        found.push(...keys)
      } while (cursor !== '0')
      expect(found).toEqual([key('bits')])
    })

    test('a pipeline answers each command, and keeps an error in its place', async () => {
      await redis.set(key('text'), 'x')
      const pipeline = redis.pipeline().set(key('p'), '1').incr(key('text')).get(key('p'))
      expect(await pipeline.exec({ keepErrors: true })).toEqual([
        { result: 'OK' },
        { result: undefined, error: expect.stringMatching(/^ERR value is not an integer/) },
        { result: '1' },
      ])
    })

    test('fifty transactions at once do not come between each other', async () => {
      const move = () => redis.multi().incr(key('tx')).get<string>(key('tx')).decr(key('tx')).exec()
      const answers = await Promise.all(Array.from({ length: 50 }, move))
      expect(answers).toEqual(Array.from({ length: 50 }, () => [1, '1', 0]))
    })

    test('a transaction with an unusable command does nothing', async () => {
      const failing = redis.multi().set(key('undone'), 'x')
      const send = ask(running, '/multi-exec', [['SET', key('undone'), 'x'], ['INCR']])
      expect((await send).status).toBe(400)
      expect(failing.length()).toBe(1)
      expect(await redis.get(key('undone'))).toBeNull()
    })

    test('scripts run whole, by text and by digest, and an unknown digest is said to be unknown', async () => {
      expect(await redis.eval(COUNT_UP, [key('script')], ['3'])).toEqual([3, '3', 'OK'])
      const digest = await redis.scriptLoad(COUNT_UP)
      expect(await redis.evalsha(digest, [key('script')], ['4'])).toEqual([7, '7', 'OK'])
      await expect(redis.evalsha('0'.repeat(40), [], [])).rejects.toThrow(/NOSCRIPT/)
    })

    test('scripts know the time, JSON, and how to fail', async () => {
      const time = await redis.eval("return tonumber(redis.call('TIME')[1])", [], [])
      expect(Math.abs(Number(time) - Date.now() / 1_000)).toBeLessThan(60)
      const script = 'return cjson.decode(ARGV[1]).list[2]'
      expect(await redis.eval(script, [], ['{"list":["a","b"]}'])).toBe('b')
      await expect(redis.eval("return redis.error_reply('ERR no')", [], [])).rejects.toThrow(
        /ERR no/,
      )
    })

    test('a wrong token is 401 on every path', async () => {
      for (const [path, body] of [
        ['/', ['PING']],
        ['/pipeline', [['PING']]],
        ['/multi-exec', [['PING']]],
      ] as const) {
        const answer = await ask({ ...running, token: 'wrong' }, path, body)
        expect([path, answer.status]).toEqual([path, 401])
      }
    })

    test('strings are base64 where that is asked for, but the status OK', async () => {
      const asked = { 'upstash-encoding': 'base64' }
      expect(await ask(running, '/', ['SET', key('b'), 'OK'], asked)).toEqual({
        status: 200,
        body: { result: 'OK' },
      })
      expect(await ask(running, '/', ['GET', key('b')], asked)).toEqual({
        status: 200,
        body: { result: 'T0s=' },
      })
      expect(await ask(running, '/', ['GET', key('b')])).toEqual({
        status: 200,
        body: { result: 'OK' },
      })
    })

    test('an unusable command is 400 with what is wrong', async () => {
      const answer = await ask(running, '/', ['NOSUCHCOMMAND'])
      expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(/^ERR/) } })
      expect((await ask(running, '/', ['SET', key('null'), null])).status).toBe(400)
    })

    test.each(CAPABILITIES)(
      '$command is known, or not, as the table says',
      async ({ command, known }) => {
        const { body } = await ask(running, '/', command)
        const error = Object(body).error ?? ''
        expect(!/unknown command|not available/i.test(error)).toBe(known[backend.kind])
      },
    )
  })
}

function clientOf({ url, token }: { url: string; token: string }): Redis {
  return new Redis({
    url,
    token,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    retry: false,
  })
}

type Asked = { status: number; body: unknown }

/** One request as the protocol has it, without the client. */
// biome-ignore lint/complexity/useMaxParams: a question reads as the request it makes
async function ask(
  { url, token }: { url: string; token: string },
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Asked> {
  const response = await fetch(new URL(path, url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}
