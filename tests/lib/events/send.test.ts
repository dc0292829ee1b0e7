import { execFileSync } from 'node:child_process'
import type { LookupAddress } from 'node:dns'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { closeServer, listen } from '../../local/listen.ts'
import { type Answering, startReceiver } from './receiver.ts'

process.env.EVENTS_ALLOWED_HOSTS = '127.0.0.1,hooks.example'
const { postEvent } = await import('../../../lib/events/send.ts')

const MESSAGE = {
  headers: { 'webhook-id': 'msg_1', 'webhook-timestamp': '1', 'webhook-signature': 'v1,x' },
  body: '{"é":1}',
}
const LOOPBACK = [{ address: '127.0.0.1', family: 4 }]

/** A resolver whose answers come in this order; the last one stays. */
function resolver(...answers: LookupAddress[][]) {
  const asked: string[] = []
  const resolve = async (name: string) => {
    asked.push(name)
    return answers[Math.min(asked.length, answers.length) - 1] ?? []
  }
  return { resolve, asked }
}

const ANSWERS: [Answering, string | null][] = [
  [{ status: 200, body: 'ok' }, null],
  [{ status: 204 }, null],
  [{ status: 299 }, null],
  [{ status: 400, body: 'no' }, 'answered 400'],
  [{ status: 410 }, 'answered 410'],
  [{ status: 500 }, 'answered 500'],
  [{ status: 304 }, 'answered 304'],
]
test.each(ANSWERS)('answered %j the message counts as %s', async (answer, error) => {
  const receiver = await startReceiver()
  receiver.answer = () => answer
  expect(await postEvent(receiver.url, MESSAGE)).toMatchObject({ error })
  expect(receiver.received).toMatchObject([
    {
      id: 'msg_1',
      body: MESSAGE.body,
      url: '/hook?a=1',
      headers: {
        host: `127.0.0.1:${receiver.port}`,
        'content-type': 'application/json',
        'content-length': '8',
        'user-agent': expect.stringMatching(/^JettySpeed\/\d/),
      },
    },
  ])
})

test('a redirect is a failure, and nobody follows it', async () => {
  const [from, to] = [await startReceiver(), await startReceiver()]
  for (const status of [301, 302, 303, 307, 308]) {
    from.answer = () => ({ status, headers: { location: to.url } })
    expect(await postEvent(from.url, MESSAGE)).toMatchObject({
      status,
      error: `answered ${status}`,
    })
  }
  expect(to.connections()).toBe(0)
})

test('of an endless answer little is read', async () => {
  const receiver = await startReceiver()
  receiver.answer = () => 'flood'
  expect(await postEvent(receiver.url, MESSAGE)).toMatchObject({ status: 200, error: null })
  expect(receiver.flooded()).toBeLessThan(16 * 1024 * 1024)
})

test('after 15 s an attempt is over, whatever it waits for; a status that was heard counts', {
  timeout: 25_000,
}, async () => {
  const [silent, trickling] = [await startReceiver(), await startReceiver()]
  silent.answer = () => 'hang'
  trickling.answer = () => 'trickle'
  const unresolved = () => new Promise<LookupAddress[]>(() => {})
  const begun = Date.now()
  const attempts = await Promise.all([
    postEvent(silent.url, MESSAGE),
    postEvent('https://slow.example.com/', MESSAGE, unresolved),
    postEvent(trickling.url, MESSAGE),
  ])
  expect(attempts.map(({ error }) => error)).toEqual(['timed out', 'timed out', null])
  const seconds = (Date.now() - begun) / 1000
  expect(seconds).toBeGreaterThan(14)
  expect(seconds).toBeLessThan(18)
})

test('nobody there, and a name that leads nowhere, are failures in the words of the system', async () => {
  const receiver = await startReceiver()
  const { port } = new URL(receiver.url)
  const nowhere = async () => {
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  }
  expect(await postEvent('http://127.0.0.1:1/', MESSAGE)).toMatchObject({
    status: null,
    error: 'ECONNREFUSED',
  })
  expect(await postEvent(`http://hooks.example:${port}/`, MESSAGE, nowhere)).toMatchObject({
    error: 'ENOTFOUND',
  })
  expect(await postEvent('https://a.example.com/', MESSAGE, resolver([]).resolve)).toMatchObject({
    status: null,
    error: expect.any(String),
  })
})

test('what was public when it was set is not sent to once its name leads to a private address', async () => {
  const receiver = await startReceiver()
  const { resolve } = resolver(LOOPBACK)
  const url = `https://rebound.example.com:8443/`
  expect(await postEvent(url, MESSAGE, resolve)).toMatchObject({
    status: null,
    error: 'rebound.example.com leads to a private address.',
  })
  const mixed = resolver([{ address: '8.8.8.8', family: 4 }, ...LOOPBACK])
  expect(await postEvent(url, MESSAGE, mixed.resolve)).toMatchObject({
    status: null,
    error: expect.stringContaining('private'),
  })
  expect(receiver.connections()).toBe(0)
})

test('the connection goes to the address that was checked, whatever the name says a moment later', async () => {
  const receiver = await startReceiver()
  const { resolve, asked } = resolver(LOOPBACK, [{ address: '127.0.0.9', family: 4 }])
  const url = `http://hooks.example:${receiver.port}/hook`
  expect(await postEvent(url, MESSAGE, resolve)).toMatchObject({ status: 204, error: null })
  expect(asked).toEqual(['hooks.example'])
  expect(receiver.received[0]?.headers.host).toBe(`hooks.example:${receiver.port}`)
})

test('what is not https, or was set before a rule came, is refused at the moment of sending', async () => {
  const { resolve, asked } = resolver([{ address: '8.8.8.8', family: 4 }])
  for (const url of [
    'http://plain.example.com/',
    'https://10.0.0.1/',
    'https://a.example.com:22/',
    'nonsense',
  ])
    expect(await postEvent(url, MESSAGE, resolve)).toMatchObject({
      status: null,
      error: expect.any(String),
    })
  expect(asked).toEqual([])
})

test('over TLS the name is asked for and its certificate required', async () => {
  const { key, cert } = certificateFor('hooks.example')
  const names: unknown[] = []
  let requests = 0
  const server = createServer({
    key,
    cert,
    SNICallback: (name, done) => {
      names.push(name)
      done(null)
    },
  })
  server.on('request', (_, response) => {
    requests++
    response.end()
  })
  const port = await listen(server)
  afterAll(() => closeServer(server))
  const attempt = await postEvent(
    `https://hooks.example:${port}/`,
    MESSAGE,
    resolver(LOOPBACK).resolve,
  )
  expect(attempt).toMatchObject({ status: null, error: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  expect([names, requests]).toEqual([['hooks.example'], 0])
})

function certificateFor(name: string): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'events-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const args = ['req', '-x509', ...kind, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert]
  execFileSync('openssl', args, { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}
