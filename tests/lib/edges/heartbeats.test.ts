import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import type { Heartbeat } from '../../../lib/edges/measurement.ts'
import { type Proxies, throughProxies } from '../../local/proxied.ts'

const KEY = 'jetty:edge:heartbeats'
const DAY = 24 * 3600 * 1000

let heartbeats: typeof import('../../../lib/edges/heartbeats.ts')
let standing: typeof import('../../../lib/edges/standing.ts')
let redis: typeof import('../../../lib/redis/client.ts')['redis']
let proxies: Proxies

beforeAll(async () => {
  proxies = await throughProxies()
  heartbeats = await import('../../../lib/edges/heartbeats.ts')
  standing = await import('../../../lib/edges/standing.ts')
  redis = (await import('../../../lib/redis/client.ts')).redis
})

test('a heartbeat is read again, by everybody who reads', async () => {
  const id = aRelay()
  const said = heartbeat({ loadPercent: 12.5, version: '1.2.3' })
  expect(await heartbeats.recordHeartbeat(id, said)).toBe(true)

  expect((await heartbeats.readHeartbeats()).get(id)).toEqual(said)
  expect((await standing.readShared()).heartbeats.get(id)).toEqual(said)
  const viewer = { accountId: randomUUID(), position: null }
  expect((await standing.readStanding(viewer)).heartbeats.get(id)).toEqual(said)
  expect(await redis.ttl(KEY)).toBeGreaterThan(DAY / 1000 - 60)
})

test('an equally new or older one changes nothing', async () => {
  const id = aRelay()
  const said = heartbeat({ loadPercent: 1 })
  await heartbeats.recordHeartbeat(id, said)
  for (const at of [said.at, said.at - 1])
    expect(await heartbeats.recordHeartbeat(id, heartbeat({ loadPercent: 99, at }))).toBe(false)
  expect((await heartbeats.readHeartbeats()).get(id)).toEqual(said)

  const newer = heartbeat({ loadPercent: 2, at: said.at + 1 })
  expect(await heartbeats.recordHeartbeat(id, newer)).toBe(true)
  expect((await heartbeats.readHeartbeats()).get(id)).toEqual(newer)
})

test('of many at once, in any order, the newest stays', async () => {
  const id = aRelay()
  const now = Date.now()
  const times = [3, 9, 1, 7, 5, 8, 2, 6, 4].map((n) => now + n)
  await Promise.all(times.map((at) => heartbeats.recordHeartbeat(id, heartbeat({ at }))))
  expect((await heartbeats.readHeartbeats()).get(id)?.at).toBe(now + 9)
})

test.each(['not json', 'null', '7', '{}', '{"at":"tomorrow"}', '{"at":9,"loadPercent":-1}'])(
  'what is stored as %s is no heartbeat, and a true one replaces it',
  async (rubbish) => {
    const id = aRelay()
    await redis.hset(KEY, { [id]: rubbish })
    expect((await heartbeats.readHeartbeats()).has(id)).toBe(false)
    const said = heartbeat({})
    expect(await heartbeats.recordHeartbeat(id, said)).toBe(true)
    expect((await heartbeats.readHeartbeats()).get(id)).toEqual(said)
  },
)

test('a relay that said nothing for a day said nothing', async () => {
  const id = aRelay()
  await heartbeats.recordHeartbeat(id, heartbeat({ at: Date.now() - DAY - 1 }))
  expect((await heartbeats.readHeartbeats()).has(id)).toBe(false)
})

test('keeping one and reading all are a round trip each; without Redis nothing is kept or known', async () => {
  const before = proxies.redis.passed.length
  await heartbeats.recordHeartbeat(aRelay(), heartbeat({}))
  await heartbeats.readHeartbeats()
  expect(proxies.redis.passed.length - before).toBe(2)

  proxies.redis.fault = () => 'refuse'
  expect(await heartbeats.recordHeartbeat(aRelay(), heartbeat({}))).toBe(false)
  expect(await heartbeats.readHeartbeats()).toEqual(new Map())
  proxies.redis.fault = undefined
})

function aRelay(): string {
  return `t-${randomUUID()}`
}

function heartbeat(some: Partial<Heartbeat>): Heartbeat {
  return {
    loadPercent: 10,
    activeUploads: 3,
    throughputMbps: 400,
    version: '0.1.0',
    at: Date.now(),
    ...some,
  }
}
