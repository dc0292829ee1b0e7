import { afterEach, expect, test } from 'vitest'
import { measureRoundTrips } from '../../../lib/cli/edges-round-trip.ts'
import { aServer } from './edges-service.ts'

const NEVER = new AbortController().signal
const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of undo.splice(0)) await stop()
})

async function serverOf(...args: Parameters<typeof aServer>) {
  const server = await aServer(...args)
  undo.push(server.stop)
  return server
}

test('the fastest of four requests on one connection is the round trip', async () => {
  const delays = [400, 300, 40, 300]
  const relay = await serverOf((_, times) => ({ delayMs: delays[times - 1] }))
  const measured = await measureRoundTrips([{ id: 'lon-1', url: relay.url }], NEVER)
  expect(relay.seen.map(({ method, path }) => `${method} ${path}`)).toEqual(
    Array.from({ length: 4 }, () => 'GET /health'),
  )
  expect(relay.connections()).toBe(1)
  expect(measured.get('lon-1')).toBeGreaterThanOrEqual(39)
  expect(measured.get('lon-1')).toBeLessThan(299)
})

test('of the store any answer counts, of a relay only a healthy one', async () => {
  const refusing = await serverOf(() => ({ status: 403 }))
  const paths = ['direct', 'lon-1'].map((id) => ({ id, url: refusing.url }))
  const measured = await measureRoundTrips(paths, NEVER)
  expect(measured.get('direct')).toBeGreaterThan(0)
  expect(measured.get('lon-1')).toBeNull()
  expect(refusing.seen.filter(({ method }) => method === 'HEAD')).toHaveLength(4)
})

test('who does not answer, is not there or has no address is unreachable, and all are asked at once', async () => {
  const silent = await serverOf(() => 'nothing')
  const gone = await aServer(() => ({}))
  await gone.stop()
  const began = performance.now()
  const paths = [
    { id: 'a', url: silent.url },
    { id: 'b', url: silent.url },
    { id: 'c', url: gone.url },
    { id: 'd', url: 'ftp://x' },
    { id: 'e', url: '' },
  ]
  const measured = await measureRoundTrips(paths, NEVER)
  expect([...measured]).toEqual(paths.map(({ id }) => [id, null]))
  expect(performance.now() - began).toBeLessThan(3_500)
}, 10_000)

test('a path that fails later keeps what was measured before', async () => {
  const relay = await serverOf((_, times) => (times > 2 ? { status: 503 } : {}))
  const measured = await measureRoundTrips([{ id: 'lon-1', url: relay.url }], NEVER)
  expect(measured.get('lon-1')).toBeGreaterThan(0)
})

test('an interruption ends it at once', async () => {
  const silent = await serverOf(() => 'nothing')
  const controller = new AbortController()
  const running = measureRoundTrips([{ id: 'lon-1', url: silent.url }], controller.signal)
  controller.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
})
