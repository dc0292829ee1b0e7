import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { createApi } from '../../../lib/client/api.ts'
import { numbersOf } from '../../../lib/client/ranges.ts'
import { openSession } from '../../../lib/client/report.ts'
import type { PartTiming, SessionReport } from '../../../lib/client/wire.ts'
import { aClient, MIB } from './a-client.ts'
import { startTiny, type TinyOptions } from './tiny-service.ts'

const TRACK = '/api/jetty/track-upload'
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function setUp(options: TinyOptions = {}) {
  const client = await aClient(options)
  undo.push(client.stop)
  const { reports } = client.service
  const theEnd = async (): Promise<SessionReport> => {
    await vi.waitUntil(() => reports.some(({ action }) => action !== 'progress'))
    const end = reports.at(-1)
    if (!end) throw new Error('no report')
    return end
  }
  return { ...client, reports, theEnd }
}

const chunksOf = (timings: PartTiming[]) =>
  timings.map(({ chunkIndex }) => chunkIndex).sort((a, b) => a - b)

test('a short transfer tells its end alone: each part, its path, its bytes and its time', async () => {
  const { aFile, send, reports, theEnd } = await setUp({ edges: 2, connections: 4 })
  const { summary, results } = await send([await aFile('a', 21 * MIB)])
  const end = await theEnd()
  expect(reports).toHaveLength(1)
  expect(end).toMatchObject({
    action: 'complete',
    uploadVia: 'api',
    threads: 4,
    chunksCompleted: 5,
    bytesUploaded: 21 * MIB,
    completed: [[0, 4]],
  })
  expect(end.sessionId).toMatch(/^[0-9a-f-]{36}$/)
  expect(chunksOf(end.timings)).toEqual([0, 1, 2, 3, 4])
  for (const { edgeId } of end.timings) expect(end.edgesUsed).toContain(edgeId)
  expect(end.timings.every(({ durationMs, failed }) => durationMs >= 0 && !failed)).toBe(true)
  const bytes = end.timings.reduce((sum, timing) => sum + timing.bytes, 0)
  expect(bytes).toBe(results[0]?.sentBytes)
  expect(summary).toMatchObject({ functionCalls: 2, reports: 1 })
  const opened = end.timings.flatMap(({ latencyMs }) => latencyMs ?? [])
  // Once for each connection, not for each part.
  expect(opened.length).toBeGreaterThan(1)
  expect(opened.length).toBeLessThan(5)
  for (const ms of opened) expect(ms).toBeLessThan(5_000)
})

test('files of one part tell nothing', async () => {
  const { aFile, send, reports } = await setUp({ edges: 1 })
  const { summary } = await send([await aFile('a', 10), await aFile('b', MIB)])
  expect(summary).toMatchObject({ stored: 2, reports: 0 })
  expect(reports).toHaveLength(0)
})

test('a longer transfer tells as often as it is asked to, each part once, and its progress never goes back', async () => {
  const { aFile, send, reports, theEnd } = await setUp({
    connections: 1,
    reportAfterSeconds: 0.2,
    onPart: slow(60),
  })
  const file = await aFile('a', 60 * MIB)
  const startedAt = performance.now()
  await send([file], { firstReportMs: 100 })
  await theEnd()
  const pauses = (performance.now() - startedAt) / 200
  const actions = reports.map(({ action }) => action)
  expect(actions.length).toBeGreaterThan(2)
  // The first comes before a pause, the end does not wait for one.
  expect(actions.length).toBeLessThanOrEqual(pauses + 2)
  expect(actions.filter((action) => action === 'complete')).toEqual([actions.at(-1)])
  expect(new Set(reports.map(({ sessionId }) => sessionId)).size).toBe(1)
  expect(chunksOf(reports.flatMap(({ timings }) => timings))).toEqual(chunksUpTo(12))
  for (const [at, report] of reports.entries()) {
    expect(numbersOf(report.completed)).toHaveLength(report.chunksCompleted)
    expect(report.bytesUploaded).toBeGreaterThanOrEqual(reports[at - 1]?.bytesUploaded ?? 0)
  }
})

function slow(ms: number): TinyOptions['onPart'] {
  return () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    return undefined
  }
}

const chunksUpTo = (count: number) => Array.from({ length: count }, (_, index) => index)

test('what the store had before counts as completed, and only what was sent has timings', async () => {
  const { aFile, send, service, theEnd, reports } = await setUp({
    connections: 1,
    onPart: ({ partNumber }) => (partNumber > 3 ? { status: 400, body: '' } : undefined),
  })
  const content = randomBytes(40 * MIB)
  await send([await aFile('a', content)])
  expect(await theEnd()).toMatchObject({ action: 'fail', chunksCompleted: 3, completed: [[0, 2]] })
  reports.length = 0
  service.options.onPart = undefined
  await send([await aFile('a', content)])
  const end = await theEnd()
  expect(end).toMatchObject({ action: 'complete', completed: [[0, 7]] })
  expect(chunksOf(end.timings)).toEqual([3, 4, 5, 6, 7])
})

test('a part that failed over a path is told as its failure; the path that took it is told, too', async () => {
  const { aFile, send, theEnd } = await setUp({
    edges: 2,
    connections: 4,
    onPart: ({ path }) => (path === 'edge-1' ? { status: 502 } : undefined),
  })
  await send([await aFile('a', 30 * MIB)])
  const { timings } = await theEnd()
  const failed = timings.filter((timing) => timing.failed)
  expect(failed.length).toBeGreaterThan(0)
  expect(failed.every(({ edgeId }) => edgeId === 'edge-1')).toBe(true)
  const arrived = timings.filter((timing) => !timing.failed)
  expect(chunksOf(arrived)).toEqual(chunksUpTo(6))
})

test('what a path cannot help is not told as its failure: a stop, an expired signature', async () => {
  const controller = new AbortController()
  const expired = { status: 403, body: '<Code>AccessDenied</Code>Request has expired' }
  const { aFile, send, theEnd } = await setUp({
    edges: 1,
    connections: 2,
    onPart: ({ partNumber }, times) => {
      if (partNumber === 6) controller.abort(new Error('enough'))
      return times === 1 && partNumber === 1 ? expired : undefined
    },
  })
  const sending = send([await aFile('a', 60 * MIB)], { signal: controller.signal })
  await expect(sending).rejects.toThrow('enough')
  const end = await theEnd()
  expect(end).toMatchObject({ action: 'fail', errorMessage: 'enough' })
  expect(end.timings.filter(({ failed }) => failed)).toEqual([])
  expect(end.chunksCompleted).toBeGreaterThan(2)
})

test('a service that is deaf to reports delays no upload and hears the end at most twice', async () => {
  for (const fault of ['hang', 'reset', { status: 500 }, { status: 404 }] as const) {
    let told = 0
    let completedAt = Number.POSITIVE_INFINITY
    const { aFile, send } = await setUp({
      onCall: (method, path) => {
        if (method === 'PUT') completedAt = performance.now()
        if (path !== TRACK) return undefined
        told += 1
        return fault
      },
    })
    const { summary } = await send([await aFile('a', 20 * MIB)])
    expect(performance.now() - completedAt).toBeLessThan(1_900)
    expect(summary).toMatchObject({ stored: 1, failed: 0 })
    await sleep(700)
    expect(told).toBe(fault === 'reset' || Object(fault).status === 500 ? 2 : 1)
  }
})

test('the end is told after what was told before, even when that takes long', async () => {
  const heard: string[] = []
  const { session, api } = await aSession({ firstReportMs: 0 })
  const { tell } = api
  api.tell = async (path, body, until) => {
    const { action } = Object(body)
    if (action === 'progress') await sleep(300)
    heard.push(action)
    return await tell(path, body, until)
  }
  session.begin()
  await sleep(50)
  session.end()
  await vi.waitUntil(() => heard.length === 2)
  expect(heard).toEqual(['progress', 'complete'])
})

test('a report that never ends is cut short for the last one', async () => {
  const { session, service } = await aSession({ firstReportMs: 0 }, (_method, _path, times) =>
    times === 1 ? 'hang' : undefined,
  )
  session.begin()
  await vi.waitUntil(() => service.calls.length === 1)
  session.end()
  await vi.waitUntil(() => service.reports.length === 1, 1_800)
  expect(service.reports[0]?.action).toBe('complete')
})

test('a session that the service will not hear of is not told again', async () => {
  const { session, service } = await aSession({ firstReportMs: 0 }, () => ({ status: 409 }))
  session.begin()
  await vi.waitUntil(() => service.calls.length === 1)
  await sleep(50)
  session.end()
  await sleep(50)
  expect(service.calls).toHaveLength(1)
})

test('a thousand timings are told at once, and no report holds more', async () => {
  const { session, service } = await aSession({ firstReportMs: 60_000 })
  session.begin()
  for (let chunkIndex = 0; chunkIndex < 2_500; chunkIndex += 1) {
    session.took({ edgeId: 'direct', chunkIndex, bytes: 1, durationMs: 1, failed: false })
  }
  session.end()
  await vi.waitUntil(() => service.reports.length === 2)
  const [first, last] = service.reports
  expect(chunksOf(first?.timings ?? [])).toEqual(chunksUpTo(1_000))
  expect(chunksOf(last?.timings ?? [])).toEqual(chunksUpTo(2_500).slice(1_500))
})

async function aSession(
  { firstReportMs }: { firstReportMs: number },
  onCall?: TinyOptions['onCall'],
) {
  const service = await startTiny({ onCall })
  undo.push(() => service.stop())
  const api = createApi({ url: service.url, apiKey: 'jt_live_test' })
  const progress = () => ({
    uploadId: 'u',
    uploadVia: 'api' as const,
    threads: 1,
    chunksCompleted: 0,
    bytesUploaded: 0,
    completed: [],
  })
  return { session: openSession({ api, firstReportMs, progress }), service, api }
}
