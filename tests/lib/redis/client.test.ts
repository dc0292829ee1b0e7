import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { throughProxies } from '../../local/proxied.ts'

process.env.REDIS_TIMEOUT_MS = '900'
const { redis: proxy } = await throughProxies()
const { redis, tryRedis } = await import('../../../lib/redis/client.ts')
const { forgetApiKeys } = await import('../../../lib/accounts/authenticate.ts')
const { anOpenUpload } = await import('../sessions/tracking.ts')

// The clock stands still, so that a busy machine cannot let the rest end by itself.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => {
  proxy.fault = undefined
  letRestEnd()
})
afterAll(() => void vi.useRealTimers())

const ping = () => tryRedis(() => redis.ping())

function letRestEnd(): void {
  vi.setSystemTime(Date.now() + 1_000)
}

test('a Redis that hangs is waited for once, and asked again a second later', async () => {
  const timeout = vi.spyOn(AbortSignal, 'timeout')
  proxy.fault = () => 'hang'
  expect(await ping()).toBeNull()
  expect(timeout).toHaveBeenCalledWith(900)
  const { length } = proxy.passed
  expect([await ping(), await ping()]).toEqual([null, null])
  expect(proxy.passed).toHaveLength(length)

  proxy.fault = undefined
  letRestEnd()
  expect(await ping()).toBe('PONG')
})

test('that the keys of an account changed is told to it all the same', async () => {
  proxy.fault = () => 'hang'
  expect(await ping()).toBeNull()
  const { length } = proxy.passed
  await forgetApiKeys(['a-hash'])
  expect(proxy.passed).toHaveLength(length + 1)
})

test('a Redis that refuses is asked each time: that costs nothing', async () => {
  proxy.fault = () => 'refuse'
  expect(await ping()).toBeNull()
  proxy.fault = undefined
  expect(await ping()).toBe('PONG')
})

test('a call that asks Redis several times waits for a hanging one once', async () => {
  const { track, follow, tell, chunks, uploadId } = await anOpenUpload()
  const { sessionId } = (await track({ action: 'start', uploadId })).body.session
  proxy.fault = () => 'hang'
  const timings = [{ edgeId: 'direct', chunkIndex: 0, bytes: 1, durationMs: 1 }]
  const calls = [
    () => track({ action: 'progress', sessionId, timings }),
    () => follow(),
    () => tell({ uploadId, chunkIndex: 0, status: 'completed' }),
    () => chunks(`uploadId=${uploadId}`),
  ]
  for (const call of calls) {
    const { length } = proxy.passed
    expect((await call()).status).toBe(200)
    expect(proxy.passed.length - length).toBe(1)
    letRestEnd()
  }
})
