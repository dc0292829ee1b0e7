import { randomUUID } from 'node:crypto'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { EDGES } from '../../../drizzle/catalogue.ts'
import type { Edge } from '../../../lib/edges/catalogue.ts'
import { contributorOf } from '../../../lib/edges/keys.ts'
import type { PathTiming, Standing, Viewer } from '../../../lib/edges/measurement.ts'
import { rankPaths } from '../../../lib/edges/rank.ts'
import { type Proxies, throughProxies } from '../../local/proxied.ts'

const LONDON = { lat: 51.5074, lng: -0.1278 }
const PARIS = { lat: 48.8566, lng: 2.3522 }
const PART = 8 * 1024 * 1024
const HOURS_48 = 48 * 3600

let recordTimings: typeof import('../../../lib/edges/record-timings.ts')['recordTimings']
let readStanding: typeof import('../../../lib/edges/standing.ts')['readStanding']
let readShared: typeof import('../../../lib/edges/standing.ts')['readShared']
let redis: typeof import('../../../lib/redis/client.ts')['redis']
let proxies: Proxies

beforeAll(async () => {
  proxies = await throughProxies()
  ;({ recordTimings } = await import('../../../lib/edges/record-timings.ts'))
  ;({ readStanding, readShared } = await import('../../../lib/edges/standing.ts'))
  ;({ redis } = await import('../../../lib/redis/client.ts'))
})

afterEach(() => {
  proxies.redis.fault = undefined
})

test('what an account reports is its own at once, and nobody else’s', async () => {
  const [a, b] = fivePaths()
  const viewer = aViewer()
  await recordTimings(viewer, [at(a, 80), at(b, 20, { latencyMs: 40 })])

  const { own, shared, regional } = await readStanding(viewer)
  expect(own.get(a)).toMatchObject({ throughputMbps: 80, latencyMs: 10, errorRate: 0 })
  expect(own.get(b)).toMatchObject({ throughputMbps: 20, latencyMs: 40 })
  expect(shared.has(a) || regional.has(a)).toBe(false)
  const other = await readStanding(aViewer())
  expect(other.own).toEqual(new Map())
})

test('what three accounts say alike is known to a fourth, relative to their best paths', async () => {
  const [a, b] = fivePaths()
  for (const mbps of [8, 80, 800]) {
    await recordTimings(aViewer(), [at(a, mbps), at(b, mbps / 4)])
    const { shared } = await readStanding(aViewer())
    expect(shared.has(a)).toBe(mbps === 800)
  }
  const { own, shared, regional } = await readStanding(aViewer())
  expect(own).toEqual(new Map())
  expect(shared.get(a)).toMatchObject({ relativeThroughput: 1, accounts: 3, failingAccounts: 0 })
  expect(shared.get(b)).toMatchObject({ relativeThroughput: 0.25, errorRate: 0 })
  expect(regional.get(b)).toMatchObject({ relativeThroughput: 0.25, latencyMs: 10, accounts: 3 })
  expect((await readShared()).shared.get(b)).toMatchObject({ throughputMbps: 20, accounts: 3 })
})

test('one account that reports three times is one account', async () => {
  const [a, b] = fivePaths()
  const viewer = aViewer()
  for (let n = 0; n < 4; n++) await recordTimings(viewer, [at(a, 80), at(b, 20)])
  expect((await readStanding(aViewer())).shared.has(a)).toBe(false)
})

test('a region knows what three of its accounts say, and not what those of another do', async () => {
  const [a, b] = fivePaths()
  for (const position of [LONDON, LONDON, PARIS])
    await recordTimings(aViewer(position), [at(a, 80), at(b, 20)])
  expect((await readStanding(aViewer(LONDON))).regional.has(a)).toBe(false)
  await recordTimings(aViewer(LONDON), [at(a, 80, { latencyMs: 12 }), at(b, 20)])

  expect((await readStanding(aViewer(LONDON))).regional.get(a)).toMatchObject({ accounts: 3 })
  expect((await readStanding(aViewer(PARIS))).regional.has(a)).toBe(false)
  const nowhere = await readStanding(aViewer(null))
  expect(nowhere.regional).toEqual(new Map())
  expect(nowhere.shared.get(a)).toMatchObject({ accounts: 4 })
})

test('an account that moves to another region leaves the one it was in', async () => {
  const [a, b] = fivePaths()
  const report = (viewer: Viewer) => recordTimings(viewer, [at(a, 80), at(b, 20)])
  const traveller = aViewer(LONDON)
  for (const viewer of [aViewer(), aViewer(), traveller]) await report(viewer)
  expect((await readStanding(aViewer(LONDON))).regional.has(a)).toBe(true)

  await report({ ...traveller, position: PARIS })
  expect((await readStanding(aViewer(LONDON))).regional.has(a)).toBe(false)
  expect((await readStanding(aViewer())).shared.get(a)).toMatchObject({ accounts: 3 })
})

test('three accounts whose parts fail three times in a row say so; two and a half do not', async () => {
  const [a, b] = fivePaths()
  const fail = (count: number) => at(a, 1, { parts: 0, failures: count, failuresInRow: count })
  for (const count of [3, 3, 2]) await recordTimings(aViewer(), [fail(count), at(b, 20)])
  const known = (await readStanding(aViewer())).shared.get(a)
  expect(known).toMatchObject({ failingAccounts: 2, failedAt: null, relativeThroughput: null })

  await recordTimings(aViewer(), [fail(3)])
  const failing = (await readStanding(aViewer())).shared.get(a)
  expect(failing).toMatchObject({ failingAccounts: 3, failedAt: expect.any(Number) })
})

test('one liar, however often and absurdly, leaves the ranking of others as it was', async () => {
  const paths = fivePaths()
  const honest = Array.from({ length: 3 }, () => aViewer())
  const speeds = [90, 40, 20, 10, 4]
  for (const viewer of honest) {
    await recordTimings(viewer, [
      ...paths.map((id, n) => at(id, speeds[n] ?? 1, { latencyMs: 10 * (n + 1) })),
      at('direct', 8, { latencyMs: 80 }),
    ])
  }
  const fourth = aViewer()
  const before = await readStanding(fourth)
  const liar = aViewer()
  for (const lie of lies(paths)) await recordTimings(liar, lie)

  const after = await readStanding(fourth)
  expect(order(paths, after)).toEqual(order(paths, before))
  for (const id of paths) {
    for (const where of ['shared', 'regional'] as const) {
      const { accounts: _, measuredAt: __, ...was } = Object(before[where].get(id))
      expect(after[where].get(id)).toMatchObject({ ...was, accounts: 4, failingAccounts: 1 })
    }
  }
})

test('who measured but a round trip does not vouch for a relay', async () => {
  const [a] = fivePaths()
  for (let n = 0; n < 3; n++)
    await recordTimings(aViewer(), [at(a, 1, { parts: 0, bytes: 0, busyMs: 0 })])
  expect((await readStanding(aViewer())).shared.has(a)).toBe(false)
})

test('a liar alone on a relay makes nobody leave it', async () => {
  const [a] = fivePaths()
  const liar = aViewer()
  for (let n = 0; n < 5; n++)
    await recordTimings(liar, [at(a, 1, { parts: 0, failures: 9, failuresInRow: 9 })])
  expect((await readStanding(aViewer())).shared.has(a)).toBe(false)
})

test('voices of two days ago are gone, and what they said is taken back', async () => {
  const [a, b] = fivePaths()
  const accounts = [aViewer(), aViewer(), aViewer()]
  for (const one of accounts) await recordTimings(one, [at(a, 80), at(b, 20)])
  expect((await readStanding(aViewer())).shared.has(a)).toBe(true)
  const gone = contributorOf(accounts[0]?.accountId ?? '')
  const old = contribution(Date.now() - HOURS_48 * 1000)
  await redis.hset(`jetty:edge:said:${a}`, { [gone]: old, rubbish: 'x' })
  await recordTimings(accounts[1] ?? aViewer(), [at(a, 80), at(b, 20)])
  expect((await readStanding(aViewer())).shared.has(a)).toBe(false)
  expect(await redis.hlen(`jetty:edge:said:${a}`)).toBe(2)
})

test('every key goes by itself, and no hash grows beyond its bound', async () => {
  const [a, b] = fivePaths()
  const viewer = aViewer()
  await recordTimings(viewer, [at(a, 80), at(b, 20)])
  const crowd = Object.fromEntries(
    Array.from({ length: 90 }, (_, n) => [`crowd-${n}`, contribution(Date.now() - 1000 + n)]),
  )
  await redis.hset(`jetty:edge:said:${a}`, crowd)
  await recordTimings(viewer, [at(a, 80), at(b, 20)])
  expect(await redis.hlen(`jetty:edge:said:${a}`)).toBe(64)

  const made = Array.from({ length: 60 }, (_, n) => at(`made-up-${n}-${randomUUID()}`, 5))
  const flooding = aViewer()
  const before = proxies.redis.passed.length
  await recordTimings(flooding, made.slice(0, 40))
  expect(JSON.parse(proxies.redis.passed[before]?.body ?? '')).toHaveLength(33)
  await recordTimings(flooding, made.slice(40))
  expect(await redis.hlen(`jetty:edge:own:${flooding.accountId}`)).toBe(32)
  expect(await redis.exists(`jetty:edge:said:${made[50]?.edgeId}`)).toBe(0)

  for (const [key, seconds] of [
    [`jetty:edge:own:${viewer.accountId}`, 7 * 24 * 3600],
    [`jetty:edge:said:${a}`, HOURS_48],
    ['jetty:edge:shared', HOURS_48],
    ['jetty:edge:shared:lon-1', HOURS_48],
  ] as const) {
    const left = await redis.ttl(key)
    expect({ key, left }).toEqual({ key, left: expect.any(Number) })
    expect(left).toBeGreaterThan(seconds - 60)
    expect(left).toBeLessThanOrEqual(seconds)
  }
})

test('what is unusable leaves no trace, not even a round trip', async () => {
  const viewer = aViewer()
  const before = proxies.redis.passed.length
  await recordTimings(viewer, [])
  await recordTimings(viewer, [at('lon-1', 5, { bytes: -1 }), at('a:b', 5), at('', 5)])
  expect(proxies.redis.passed.length).toBe(before)
})

test('a report is two round trips of few commands, a standing is one of four', async () => {
  const paths = fivePaths()
  const viewer = aViewer()
  const before = proxies.redis.passed.length
  await recordTimings(viewer, [...paths.map((id) => at(id, 5)), at('direct', 5)])
  await readStanding(viewer)
  await readShared()

  const commands = proxies.redis.passed.slice(before).map(({ body }) => JSON.parse(body).length)
  expect(commands).toHaveLength(4)
  expect(commands[0]).toBe(7)
  expect(commands[1]).toBeLessThanOrEqual(2 + 6 * 2 + 2 * 3)
  expect(commands.slice(2)).toEqual([4, 2])
})

test('without Redis nothing is known and nothing fails; with it again, the next report counts', async () => {
  const [a] = fivePaths()
  const viewer = aViewer()
  proxies.redis.fault = () => 'refuse'
  await recordTimings(viewer, [at(a, 80)])
  expect(await readStanding(viewer)).toEqual({
    own: new Map(),
    regional: new Map(),
    shared: new Map(),
    heartbeats: new Map(),
  })
  expect(await readShared()).toEqual({ shared: new Map(), heartbeats: new Map() })

  proxies.redis.fault = undefined
  await recordTimings(viewer, [at(a, 80)])
  expect((await readStanding(viewer)).own.has(a)).toBe(true)
})

test('Redis lost between reading and writing, or emptied between reports, costs what it held', async () => {
  const [a, b] = fivePaths()
  const viewer = aViewer()
  const count = proxies.redis.passed.length
  proxies.redis.fault = ({ n }) => (n > count ? 'refuse' : 'pass')
  await recordTimings(viewer, [at(a, 80)])
  proxies.redis.fault = undefined
  expect((await readStanding(viewer)).own.has(a)).toBe(false)

  const three = [viewer, aViewer(), aViewer()]
  for (const one of three) await recordTimings(one, [at(a, 80), at(b, 20)])
  await redis.del(`jetty:edge:own:${viewer.accountId}`, `jetty:edge:said:${a}`)
  await redis.hdel('jetty:edge:shared', a)
  for (const one of three) await recordTimings(one, [at(a, 80), at(b, 20)])
  const rebuilt = await readStanding(viewer)
  expect(rebuilt.own.get(a)?.throughputMbps).toBeCloseTo(80, 0)
  expect(rebuilt.shared.get(a)).toMatchObject({ accounts: 3 })
})

test('rubbish in a field, or a key of another type, is not known and hides nothing else', async () => {
  const [a, b] = fivePaths()
  const viewer = aViewer()
  await recordTimings(viewer, [at(a, 80), at(b, 20)])
  const key = `jetty:edge:own:${viewer.accountId}`
  await redis.hset(key, { [a]: '{"throughputMbps":1e999}', 'x y': '1' })
  expect([...(await readStanding(viewer)).own.keys()]).toEqual([b])
  await recordTimings(viewer, [at(a, 40)])
  expect((await readStanding(viewer)).own.get(a)?.throughputMbps).toBeCloseTo(40)
  expect(await redis.hexists(key, 'x y')).toBe(0)

  const broken = aViewer()
  for (const one of [viewer, aViewer(), aViewer()]) await recordTimings(one, [at(b, 20)])
  await redis.set(`jetty:edge:own:${broken.accountId}`, 'no hash', { ex: 60 })
  const standing = await readStanding(broken)
  expect(standing.own).toEqual(new Map())
  expect(standing.shared.has(b)).toBe(true)

  await redis.set(`jetty:edge:said:${a}`, 'no hash', { ex: 60 })
  await recordTimings(broken, [at(a, 80)])
  const other = aViewer()
  await recordTimings(other, [at(a, 80), at(b, 20)])
  expect([...(await readStanding(other)).own.keys()]).toEqual([a, b])
})

test('of two reports of one account at once, what stays is one of them or both, never half of each', async () => {
  const [a, b] = fivePaths()
  const viewer = aViewer()
  await Promise.all([
    ...Array.from({ length: 5 }, () => recordTimings(viewer, [at(a, 80)])),
    ...Array.from({ length: 5 }, () => recordTimings(viewer, [at(b, 20)])),
  ])
  const { own } = await readStanding(viewer)
  expect(own.get(a)?.throughputMbps).toBeCloseTo(80, 0)
  expect(own.get(b)?.throughputMbps).toBeCloseTo(20, 0)
})

/** Reports of figures that cannot be, and of some that could. */
function lies(paths: string[]): PathTiming[][] {
  const absurd: Partial<PathTiming>[] = [
    { bytes: 1e15, busyMs: 1e-9, latencyMs: 1e-9 },
    { bytes: 1, busyMs: 1e12, latencyMs: 60_000 },
    { parts: 0, failures: 1000, failuresInRow: 1000 },
    { bytes: Number.POSITIVE_INFINITY, latencyMs: -1 },
    { parts: 1000, bytes: 1e10, busyMs: 1000, latencyMs: 0.001 },
    { parts: 0, failures: 3, failuresInRow: 3, latencyMs: 50_000 },
  ]
  return Array.from({ length: 20 }, (_, n) =>
    paths.flatMap((id, k) => [at(id, 1, absurd[(n + k) % absurd.length]), at('direct', 1e4)]),
  ).concat([paths.map((id) => at(id, 1, { parts: 0, failures: 9, failuresInRow: 9 }))])
}

/** The paths as they are ranked for somebody in London when they all stand in one place. */
function order(paths: string[], standing: Standing): string[] {
  const place = EDGES.find(({ id }) => id === 'ams-1')
  if (!place) throw new Error('no place')
  const edges: Edge[] = paths.map((id) => ({
    ...place,
    id,
    url: `https://${id}.example`,
    seenAt: null,
  }))
  return rankPaths({
    edges,
    direct: { url: 'https://s3.example', position: null },
    standing,
    position: LONDON,
    priority: 'speed',
    measurements: new Map(),
    now: Date.now(),
  }).map(({ id }) => id)
}

function aViewer(position: Viewer['position'] = LONDON): Viewer {
  return { accountId: randomUUID(), position }
}

/** Ids that no other test uses; the figures of different tests meet in the same hashes. */
function fivePaths(): [string, string, string, string, string] {
  const id = (n: number) => `t-${randomUUID().slice(0, 13)}-${n}`
  return [id(1), id(2), id(3), id(4), id(5)]
}

/** A part of 8 MiB at so many Mbit/s and 10 ms. */
function at(edgeId: string, mbps: number, some: Partial<PathTiming> = {}): PathTiming {
  return {
    edgeId,
    parts: 1,
    bytes: PART,
    busyMs: (PART * 8) / mbps / 1000,
    failures: 0,
    failuresInRow: 0,
    latencyMs: 10,
    ...some,
  }
}

function contribution(time: number): string {
  return JSON.stringify({
    region: 'lon-1',
    throughputMbps: 5,
    relativeThroughput: 0.5,
    latencyMs: 9,
    errorRate: 0,
    failedAt: null,
    at: time,
  })
}
