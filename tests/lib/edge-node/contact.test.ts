import { expect, onTestFinished, test, vi } from 'vitest'
import { watchContact } from '../../../lib/edge-node/contact.ts'
import { closeServer, listen } from '../../local/listen.ts'
import { ask, makeOrigin, makeRelay } from './harness.ts'

/** Questions whose answers the test gives, and how many were asked. */
function aQuestion(isAnswered: boolean) {
  const question = { isAnswered, asked: 0 }
  const contact = watchContact(async () => {
    question.asked += 1
    return question.isAnswered
  })
  return Object.assign(question, contact)
}

function later(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
  onTestFinished(() => void vi.useRealTimers())
}

async function health(url: string) {
  const { status, bytes } = await ask(url, { method: 'GET', path: '/health', token: null })
  return { status, ...JSON.parse(String(bytes)) }
}

test('an answer stands for ten seconds, a failed check for two', async () => {
  const question = aQuestion(true)
  expect(await question.isReachable()).toBe(true)
  later(9_000)
  question.isAnswered = false
  expect([await question.isReachable(), question.asked]).toEqual([true, 1])
  later(2_000)
  expect([await question.isReachable(), question.asked]).toEqual([false, 2])
  question.isAnswered = true
  later(1_000)
  expect([await question.isReachable(), question.asked]).toEqual([false, 2])
  later(1_001)
  expect([await question.isReachable(), question.asked]).toEqual([true, 3])
})

test('after any question that failed the next who wants to know asks, once for all', async () => {
  const question = aQuestion(true)
  await question.ask(1_000)
  question.isAnswered = false
  later(1)
  await question.ask(1_000)
  question.isAnswered = true
  later(1)
  expect(await Promise.all([1, 2, 3].map(() => question.isReachable()))).toEqual([true, true, true])
  expect(question.asked).toBe(3)
})

test('a relay whose store is gone is not well, and well again with it', async () => {
  const origin = await makeOrigin((_, outgoing) => void outgoing.writeHead(403).end())
  const relay = await makeRelay(origin.url)
  expect(await health(relay.url)).toMatchObject({ status: 'ok', origin: 'reachable' })
  const { port } = new URL(origin.url)
  await closeServer(origin.server)
  later(10_001)
  const degraded = await ask(relay.url, { method: 'GET', path: '/health', token: null })
  expect(degraded.status).toBe(503)
  expect(JSON.parse(String(degraded.bytes))).toMatchObject({
    id: 'lon-1',
    status: 'degraded',
    origin: 'unreachable',
  })
  await listen(origin.server, Number(port))
  later(2_001)
  expect(await health(relay.url)).toMatchObject({ status: 'ok', origin: 'reachable' })
})

test('a store that takes two seconds to say anything is not reached', async () => {
  const origin = await makeOrigin(() => undefined)
  const relay = await makeRelay(origin.url)
  const begun = Date.now()
  expect(await health(relay.url)).toMatchObject({ status: 'degraded' })
  expect(Date.now() - begun).toBeLessThan(6_000)
})

test('a kept connection that the store cuts when it is used again is no sign that it is gone', async () => {
  const used = new WeakSet<object>()
  const origin = await makeOrigin(({ socket }, outgoing) => {
    if (used.has(socket)) socket.destroy()
    used.add(socket)
    outgoing.end()
  })
  const relay = await makeRelay(origin.url)
  expect(await health(relay.url)).toMatchObject({ status: 'ok' })
  later(10_001)
  expect(await health(relay.url)).toMatchObject({ status: 'ok' })
})
