import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { createApi } from '../../../lib/client/api.ts'
import { problemOf, slugOf } from '../../../lib/client/failure.ts'
import { closeServer, listen } from '../../local/listen.ts'
import { startTiny, type TinyOptions } from './tiny-service.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0)) await step()
})

async function anApi(onCall?: TinyOptions['onCall'], apiKey = 'jt_live_test') {
  const service = await startTiny({ onCall })
  undo.push(() => service.stop())
  return createApi({ url: `${service.url}/`, apiKey, attemptsMax: 4 })
}

test('429 and 5xx are asked again, and every request is counted', async () => {
  const api = await anApi((_method, _path, times) =>
    times < 3 ? { status: times === 1 ? 429 : 503, headers: { 'retry-after': '0' } } : undefined,
  )
  await api.call('PUT', '/api/storage/upload', { uploads: [] })
  expect(api.calls()).toBe(3)
})

test('a service that answered before is waited for, longer than any error of its own', async () => {
  const service = await startTiny({
    onCall: (_method, _path, times) => (times > 1 && times < 40 ? 'reset' : undefined),
  })
  undo.push(() => service.stop())
  const api = createApi({ url: service.url, apiKey: 'jt_live_test' })
  await api.call('PUT', '/api/storage/upload', { uploads: [] })

  const ordinary = setTimeout
  let waitedMs = 0
  // Only long waits are cut short: `fetch` has timers of its own.
  vi.stubGlobal('setTimeout', (then: () => void, ms: number, ...given: unknown[]) => {
    if (ms < 2_000 || given.length > 0) return ordinary(then, ms, ...given)
    waitedMs += ms
    return ordinary(then, 0)
  })
  undo.push(() => vi.unstubAllGlobals())
  await api.call('PUT', '/api/storage/upload', { uploads: [] })
  expect(api.calls()).toBe(40)
  expect(waitedMs).toBeGreaterThan(250_000)
})

test('Retry-After is waited for', async () => {
  const api = await anApi((_method, _path, times) =>
    times === 1 ? { status: 503, headers: { 'retry-after': '1' } } : undefined,
  )
  const startedAt = performance.now()
  await api.call('PUT', '/api/storage/upload', { uploads: [] })
  expect(performance.now() - startedAt).toBeGreaterThan(950)
})

test('a refusal carries its problem document and is not repeated', async () => {
  const api = await anApi(undefined, 'wrong')
  const error: unknown = await api.call('PUT', '/api/storage/upload', {}).catch((thrown) => thrown)
  const problem = problemOf(error)
  expect(problem).toMatchObject({ status: 401 })
  expect(problem && slugOf(problem)).toBe('unauthorized')
  expect(api.calls()).toBe(1)
})

test('an answer that is no problem document is quoted', async () => {
  const api = await anApi(() => ({ status: 404, body: '<html>no such page' }))
  await expect(api.call('GET', '/api/nothing')).rejects.toThrow('404 <html>no such page')
})

test('a service that is not there is named with its address, after a few attempts', async () => {
  const api = createApi({ url: 'http://127.0.0.1:9', apiKey: 'x', attemptsMax: 2 })
  await expect(api.call('GET', '/api/x')).rejects.toThrow(/http:\/\/127.0.0.1:9 does not answer/)
  expect(api.calls()).toBe(2)
})

test('stopping ends the waiting between attempts', async () => {
  const service = await startTiny({
    onCall: () => ({ status: 503, headers: { 'retry-after': '60' } }),
  })
  undo.push(() => service.stop())
  const controller = new AbortController()
  const api = createApi({ url: service.url, apiKey: 'x', signal: controller.signal })
  setTimeout(() => controller.abort(new Error('stop')), 50)
  await expect(api.call('GET', '/api/x')).rejects.toThrow('stop')
})

/** A service that says `{}` to everything, and what it saw; its page takes `pageMs`. */
async function aCountingService({ pageMs = 0 } = {}) {
  const seen = { connections: 0, pages: 0 }
  const server = http.createServer((request, response) => {
    const isPage = request.url === '/'
    if (isPage) seen.pages += 1
    request.resume()
    setTimeout(() => response.end('{}'), isPage ? pageMs : 0)
  })
  server.on('connection', () => {
    seen.connections += 1
  })
  const url = `http://127.0.0.1:${await listen(server)}`
  undo.push(() => closeServer(server))
  return { api: createApi({ url, apiKey: 'jt_live_test' }), seen }
}

test('a call goes over the connection that was opened ahead', async () => {
  const { api, seen } = await aCountingService()
  await api.connect()
  await api.call('PUT', '/api/storage/upload', { uploads: [] })
  expect(seen.connections).toBe(1)
})

test('a connection that is almost open is waited for', async () => {
  const { api, seen } = await aCountingService({ pageMs: 250 })
  void api.connect()
  await sleep(200)
  await api.call('PUT', '/api/storage/upload', { uploads: [] })
  expect(seen.connections).toBe(1)
})

test('a page that does not come holds nobody up', async () => {
  const { api } = await aCountingService({ pageMs: 20_000 })
  void api.connect()
  await sleep(200)
  const startedAt = performance.now()
  await api.call('PUT', '/api/storage/upload', { uploads: [] })
  expect(performance.now() - startedAt).toBeLessThan(8_000)
})

test('a connection that was used just now is not opened again', async () => {
  const { api, seen } = await aCountingService()
  await api.call('PUT', '/api/storage/upload', { uploads: [] })
  await Promise.all([api.connect(), api.connect()])
  expect(seen.pages).toBe(0)
})
