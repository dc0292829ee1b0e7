import { createServer } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeServer, listen } from '../../local/listen.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import type { Fate } from './faults.ts'
import { openSender, type Sender } from './http.ts'
import { openLedger } from './ledger.ts'

const BODY = Buffer.alloc(2_000_000)

let fate: Fate
let reached = 0
let proxy: FaultProxy
let sender: Sender

/** Answers `/early` before it has the body, everything else after. */
const service = createServer((incoming, outgoing) => {
  reached += 1
  if (incoming.url === '/early') outgoing.writeHead(404).end('early')
  incoming.resume().once('end', () => outgoing.headersSent || outgoing.end('whole'))
})

beforeAll(async () => {
  const target = `http://127.0.0.1:${await listen(service)}`
  proxy = await startFaultProxy('s3', target, () => fate)
  sender = openSender(openLedger(() => false))
})
beforeEach(() => {
  reached = 0
})
afterAll(async () => {
  sender.close()
  await proxy.stop()
  await closeServer(service)
})

const put = (path: string) =>
  sender.send({ name: 'store PUT', method: 'PUT', url: `${proxy.url}${path}`, body: BODY })

test('what is lost has reached the service, what is refused or failed has not', async () => {
  const seen: unknown[] = []
  for (fate of ['pass', 'lose', 'refuse', 'fail'] as const) {
    reached = 0
    const { status } = await put('/')
    seen.push([fate, status, reached])
  }
  expect(seen).toEqual([
    ['pass', 200, 1],
    ['lose', 0, 1],
    ['refuse', 0, 0],
    ['fail', 503, 0],
  ])
})

test('a service that answers before it has the whole body holds up nobody', async () => {
  fate = { delayMs: 20 }
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => [(await put('/early')).status, (await put('/')).status]),
  )
  expect(statuses).toEqual(Array.from({ length: 20 }, () => [404, 200]))
}, 20_000)

test('a caller that leaves in the middle breaks nothing', async () => {
  fate = 'pass'
  const url = `${proxy.url}/`
  await sender.send({ name: 'store PUT', method: 'PUT', url, body: BODY, isAbandoned: true })
  expect((await put('/')).status).toBe(200)
  expect(proxy.seen.broken).toBe(0)
})
