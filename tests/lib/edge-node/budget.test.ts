import { once } from 'node:events'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { makeBudget } from '../../../lib/edge-node/budget.ts'
import {
  ask,
  makeGrant,
  makeOrigin,
  makeRecorder,
  makeRelay,
  makeToken,
  URL_OF_OBJECT,
  until,
} from './harness.ts'

const KIB_64 = Buffer.alloc(65_536)

test('of many uploads at once, as many pass as the grant has bytes for', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const token = makeToken({ bytes: 5 * KIB_64.length })
  const all = Array.from({ length: 20 }, () => ask(relay.url, { token, body: KIB_64 }))
  const answers = await Promise.all(all)
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
  expect(answers.filter(({ problem }) => problem?.type === '/errors/grant-exceeded')).toHaveLength(
    15,
  )
  expect(received).toHaveLength(5)
})

test('uploads one after another end at the same byte', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const token = makeToken({ bytes: 2 * KIB_64.length })
  const send = async (body: Buffer) => (await ask(relay.url, { token, body })).status
  expect(await send(KIB_64)).toBe(200)
  expect(await send(KIB_64)).toBe(200)
  expect(await send(Buffer.alloc(1))).toBe(403)
  expect(await send(Buffer.alloc(0))).toBe(200)
})

test('bytes that were announced and not sent are given back', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const token = makeToken({ bytes: 2 * KIB_64.length })
  const headers = { 'x-jetty-grant': token, 'content-length': 2 * KIB_64.length }
  const upload = request(relay.url + URL_OF_OBJECT, { method: 'PUT', headers, agent: false })
  upload.on('error', () => undefined)
  upload.write(KIB_64)
  await until(() => relay.stats().bytesUp === KIB_64.length)
  expect((await ask(relay.url, { token, body: KIB_64 })).status).toBe(403)
  upload.destroy()
  await until(() => relay.stats().activeRequests === 0)
  expect((await ask(relay.url, { token, body: KIB_64 })).status).toBe(200)
  expect((await ask(relay.url, { token, body: Buffer.alloc(1) })).status).toBe(403)
})

test('a download of more than the grant has is refused before its first byte', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => outgoing.end(KIB_64))
  const relay = await makeRelay(url)
  const token = makeToken({ bytes: KIB_64.length + 1 })
  expect((await ask(relay.url, { token, method: 'GET' })).status).toBe(200)
  const { status, problem } = await ask(relay.url, { token, method: 'GET' })
  expect([status, problem.type]).toEqual([403, '/errors/grant-exceeded'])
  expect(relay.stats().bytesDown).toBe(KIB_64.length)
})

test('a download of unknown length is cut where the grant ends', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.flushHeaders()
    const timer = setInterval(() => outgoing.write(KIB_64), 1)
    outgoing.once('close', () => clearInterval(timer))
  })
  const relay = await makeRelay(url)
  const token = makeToken({ bytes: 4 * KIB_64.length })
  await expect(ask(relay.url, { token, method: 'GET' })).rejects.toThrow()
  expect(relay.stats().bytesDown).toBeLessThanOrEqual(5 * KIB_64.length)
  expect((await ask(relay.url, { token, body: KIB_64 })).status).toBe(403)
})

test('of a download that is broken off, what was sent counts', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': 4 * KIB_64.length }).write(KIB_64)
  })
  const relay = await makeRelay(url)
  const token = makeToken({ bytes: 4 * KIB_64.length })
  const headers = { 'x-jetty-grant': token }
  const download = request(relay.url + URL_OF_OBJECT, { headers, agent: false }).end()
  await once(download, 'response')
  await until(() => relay.stats().bytesDown === KIB_64.length)
  download.destroy()
  await until(() => relay.stats().activeRequests === 0)
  expect((await ask(relay.url, { token, body: Buffer.alloc(3 * KIB_64.length + 1) })).status).toBe(
    403,
  )
})

test('grants are counted apart', () => {
  const budget = makeBudget()
  const [one, two] = [makeGrant({ bytes: 10 }), makeGrant({ bytes: 10 })]
  expect(budget.reserve(one, 10, 0)).not.toBeNull()
  expect(budget.reserve(one, 1, 0)).toBeNull()
  expect(budget.reserve(two, 10, 0)).not.toBeNull()
})

test('an expired grant is forgotten, one that still holds is not', () => {
  const budget = makeBudget()
  const [soon, later] = [makeGrant({ bytes: 10, exp: 1000 }), makeGrant({ bytes: 10, exp: 2000 })]
  budget.reserve(soon, 10, 900)
  budget.reserve(later, 10, 900)
  expect(budget.size()).toBe(2)
  expect(budget.reserve(later, 1, 1001)).toBeNull()
  expect(budget.size()).toBe(1)
})
