import { expect, test } from 'vitest'
import { fakeRelay, healthy } from '../../local/fake-relay.ts'
import { ownStack } from '../../local/own-stack.ts'

await ownStack({ edges: 0 })
const { query } = await import('../../../lib/db/client.ts')
const { recordHeartbeat } = await import('../../../lib/edges/heartbeats.ts')
const { probeEdges } = await import('../../../lib/edges/probe.ts')
const { recordTimings } = await import('../../../lib/edges/record-timings.ts')
const { registerEdge, retireEdge } = await import('../../../lib/edges/registry.ts')
const { sql } = await import('../../../lib/vendor/orm.js')

const publicKey = Buffer.alloc(32).toString('base64')

async function aRelay(id: string) {
  const relay = await fakeRelay(id)
  await registerEdge({ id, url: relay.url, publicKey })
  return relay
}

async function rowOf(id: string) {
  const [row] = await query(sql`SELECT * FROM edge_locations WHERE id = ${id}`)
  return row ?? {}
}

async function metricsOf(id: string) {
  return await query(sql`SELECT * FROM edge_metrics WHERE edge_id = ${id} ORDER BY timestamp`)
}

test('with no relay there is nothing to do', async () => {
  expect(await probeEdges()).toEqual({ probed: 0, up: 0, changed: 0 })
})

test('a probe keeps when it asked, when it last saw the relay, and its version', async () => {
  const relay = await aRelay('lon-1')
  const before = await rowOf('lon-1')
  relay.answer = healthy('lon-1', { version: '2.0.0' })
  await probeEdges()
  const seen = await rowOf('lon-1')
  expect(seen).toMatchObject({ is_up: true, version: '2.0.0' })
  expect(String(seen.seen_at) > String(before.seen_at)).toBe(true)

  relay.answer = healthy('fra-1')
  await probeEdges()
  const missed = await rowOf('lon-1')
  expect(missed).toMatchObject({ is_up: false, version: '2.0.0', seen_at: seen.seen_at })
  expect(String(missed.checked_at) > String(seen.checked_at)).toBe(true)
  await retireEdge('lon-1')
})

test('each round leaves a row: up or not, how busy the relay says it is, what clients measured', async () => {
  const relay = await aRelay('fra-1')
  await probeEdges()
  const said = { loadPercent: 20.4, activeUploads: 3, throughputMbps: 481.5, version: '1' }
  await recordHeartbeat('fra-1', { ...said, at: Date.now() })
  const timing = {
    parts: 9,
    bytes: 9e6,
    busyMs: 900,
    failures: 1,
    failuresInRow: 0,
    latencyMs: 12.6,
  }
  for (const accountId of ['a', 'b', 'c'])
    await recordTimings({ accountId, position: null }, [{ edgeId: 'fra-1', ...timing }])
  relay.answer = healthy('fra-1', {}, 500)
  await probeEdges()

  const nothing = {
    load_percent: null,
    bandwidth_mbps: null,
    active_uploads: null,
    error_rate: null,
  }
  expect(await metricsOf('fra-1')).toEqual([
    expect.objectContaining({ is_up: true, latency_ms: null, ...nothing }),
    expect.objectContaining({
      is_up: false,
      latency_ms: 13,
      load_percent: 20,
      bandwidth_mbps: 80,
      active_uploads: 3,
      error_rate: expect.stringMatching(/^\d+\.\d\d$/),
    }),
  ])
  await retireEdge('fra-1')
})

test('how long the answer took is kept nowhere: it was measured from the wrong place', async () => {
  const relay = await aRelay('sea-1')
  relay.answer = (incoming, outgoing) =>
    void setTimeout(() => healthy('sea-1')(incoming, outgoing), 300)
  await probeEdges()
  expect(await metricsOf('sea-1')).toMatchObject([{ is_up: true, latency_ms: null }])
  await retireEdge('sea-1')
})

test('many relays are asked side by side: ten that hang cost the time of one', async () => {
  const ids = [
    'lax-1',
    'atl-1',
    'chi-1',
    'dfw-1',
    'mia-1',
    'bos-1',
    'den-1',
    'ams-1',
    'hkg-1',
    'syd-1',
  ]
  for (const id of ids) {
    const relay = await aRelay(id)
    relay.answer = () => undefined
  }
  const begun = Date.now()
  expect(await probeEdges()).toEqual({ probed: 10, up: 0, changed: 10 })
  expect(Date.now() - begun).toBeLessThan(6_000)
  for (const id of ids) await retireEdge(id)
})

test('of two rounds at once, the one that asked later counts', async () => {
  const relay = await aRelay('tor-1')
  let releaseFirst = () => undefined as undefined
  relay.answer = (incoming, outgoing) => {
    releaseFirst = () => void healthy('fra-1')(incoming, outgoing)
  }
  const first = probeEdges()
  while (relay.asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  relay.answer = healthy('tor-1')
  expect(await probeEdges()).toEqual({ probed: 1, up: 1, changed: 0 })
  releaseFirst()
  expect(await first).toEqual({ probed: 1, up: 0, changed: 0 })
  expect(await rowOf('tor-1')).toMatchObject({ is_up: true })
  await retireEdge('tor-1')
})

test('a relay that was registered anew, or retired, while it was asked stays as it was put', async () => {
  const [moving, going] = [await aRelay('tyo-1'), await aRelay('nyc-1')]
  const release: (() => void)[] = []
  for (const relay of [moving, going]) {
    relay.answer = (incoming, outgoing) => {
      release.push(() => healthy('sao-1')(incoming, outgoing))
    }
  }
  const probing = probeEdges()
  while (release.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  const moved = await aRelay('tyo-1')
  await retireEdge('nyc-1')
  for (const act of release) act()
  expect(await probing).toEqual({ probed: 2, up: 0, changed: 0 })
  expect(await rowOf('tyo-1')).toMatchObject({ is_up: true, url: moved.url })
  expect(await rowOf('nyc-1')).toMatchObject({ is_up: false, is_active: false, url: null })
  await retireEdge('tyo-1')
})
