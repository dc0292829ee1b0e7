import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { areEqual } from '../local/big-file.ts'
import { jetty } from '../local/command.ts'
import { aContent } from '../local/content.ts'
import { type Sending, startThrottledPaths, type ThrottledRelay } from './throttled-paths.ts'

const MIB = 1024 * 1024
const RATE = 2 * MIB
const OPEN = 400 * MIB

let paths: Awaited<ReturnType<typeof startThrottledPaths>>
beforeAll(async () => {
  paths = await startThrottledPaths(RATE)
}, 60_000)
beforeEach(async () => {
  paths.setRate(RATE)
  await paths.forgetMeasurements()
})
afterAll(async () => await paths.stop(), 30_000)

const relayAt = (at: number): ThrottledRelay => {
  const relay = paths.relays[at]
  if (!relay) throw new Error('no such relay')
  return relay
}

/** The relays that a new upload of the account is offered, best first. */
async function offered(apiKey: string): Promise<string[]> {
  const { fileSize, fileHash, partHashes } = await aContent(10)
  const file = { path: 'any', fileSize, fileHash, partHashes }
  const { body } = await paths.ask('/api/storage/upload', { as: apiKey, body: { files: [file] } })
  return body.edges.map(({ id }: { id: string }) => id)
}

async function probe(): Promise<void> {
  const as = paths.stack.env.CRON_SECRET ?? ''
  expect(await paths.ask('/api/cron/probe', { as })).toMatchObject({ status: 200 })
}

test('a relay that dies in the middle of an upload is left after three failed parts, offered to nobody after one probe, and back after the next', {
  timeout: 60_000,
}, async () => {
  const account = await paths.anAccount()
  const other = await paths.anAccount()
  // Not the first, which has most connections: then parts fail one after the other, or nearly so.
  const [, second] = await offered(account.apiKey)
  const relay = paths.relays.find(({ id }) => id === second) ?? relayAt(1)
  const before = relay.way.bytesUp()
  const size = 250 * MIB
  paths.setRate(1.5 * RATE)
  const sending = await paths.send(account, { path: 'a.bin', size }, { connections: 6 })
  await vi.waitUntil(() => relay.way.bytesUp() - before > MIB, 10_000)
  expect(await offered(other.apiKey)).toContain(relay.id)

  const connections = relay.way.connections()
  await relay.kill()
  await probe()
  expect(await offered(other.apiKey)).not.toContain(relay.id)
  expect(await offered(account.apiKey)).not.toContain(relay.id)

  await vi.waitUntil(() => failuresOf(sending, relay).length >= 3, 8_000)
  // Parts that failed together count once; then one more is tried.
  await sleep(1_500)
  const failed = failuresOf(sending, relay).length
  const leftAt = relay.way.connections()
  // A path that only rests would get a part within two seconds, and when the next connection is free.
  await sleep(3_500)
  expect(await Promise.race([sending.ended, 'under way'])).toBe('under way')
  expect(failuresOf(sending, relay)).toHaveLength(failed)
  expect(failed).toBeLessThan(8)
  expect(relay.way.connections()).toBe(leftAt)
  expect(leftAt - connections).toBeLessThan(8)

  paths.setRate(OPEN)
  const { result } = await sending.ended
  expect(result?.sentBytes).toBeLessThan(1.3 * size)
  const back = join(paths.folder, 'back.bin')
  const env = { JETTY_URL: paths.stack.url ?? '', JETTY_API_KEY: account.apiKey }
  expect((await jetty(env, 'get', 'a.bin', '-o', back).ended).code).toBe(0)
  expect(await areEqual(join(paths.folder, 'a.bin'), back)).toBe(true)

  await relay.restart()
  await probe()
  expect(await offered(other.apiKey)).toContain(relay.id)
  expect(await offered(account.apiKey)).toContain(relay.id)
})

test('a relay that gets slow in the middle of an upload carries at most about a tenth of what the others do within seconds', {
  timeout: 60_000,
}, async () => {
  const account = await paths.anAccount()
  const slow = relayAt(2)
  const others = paths.relays.filter((relay) => relay !== slow).map(({ way }) => way)
  const size = 300 * MIB
  const sending = await paths.send(account, { path: 'b.bin', size }, { connections: 12 })
  // Until every relay carries what it can.
  await vi.waitUntil(() => paths.relays.every(({ way }) => way.bytesUp() > 9 * MIB), 20_000)
  slow.way.setRate(RATE / 10)
  await sleep(1_000)

  const startedAt = performance.now()
  const counters = [slow.way, ...others].map((way) => ({ way, from: way.bytesUp() }))
  await sleep(3_000)
  const seconds = (performance.now() - startedAt) / 1000
  const [mine = 0, ...theirs] = counters.map(({ way, from }) => way.bytesUp() - from)
  const fair = theirs.reduce((sum, bytes) => sum + bytes, 0) / theirs.length
  // Parts are taken from it, too, so it may be less.
  expect(mine / fair).toBeLessThan(0.2)
  // Nobody waits for it.
  expect(fair / seconds).toBeGreaterThan(0.4 * RATE)
  expect(await Promise.race([sending.ended, 'under way'])).toBe('under way')

  paths.setRate(OPEN)
  expect((await sending.ended).result?.sentBytes).toBeLessThan(1.12 * size)
})

test('a relay that was slow for an account is expected to carry least from then on, and by nobody else', {
  timeout: 60_000,
}, async () => {
  const account = await paths.anAccount()
  const other = await paths.anAccount()
  const before = await offered(account.apiKey)
  const slow = paths.relays.find(({ id }) => id === before[0]) ?? relayAt(0)
  paths.setRate(OPEN)
  slow.way.setRate(RATE)
  const sending = await paths.send(account, { path: 'c.bin', size: 160 * MIB }, { connections: 12 })
  const { result } = await sending.ended
  expect(result).toBeDefined()

  const relaysOf = async () =>
    (await optimalEdges(account.apiKey)).filter(({ id }) => id !== 'direct')
  const slowestOf = (ranked: Ranked[]) => ranked.toSorted((a, b) => a.weight - b.weight)[0]
  await vi.waitUntil(async () => {
    const slowest = slowestOf(await relaysOf())
    return slowest?.id === slow.id && slowest.source === 'measured'
  }, 15_000)
  const ranked = await relaysOf()
  const last = slowestOf(ranked)
  expect(last).toMatchObject({ id: slow.id, source: 'measured' })
  for (const edge of ranked.filter(({ id }) => id !== slow.id)) {
    expect(edge.throughput).toBeGreaterThan(2 * (last?.throughput ?? 0))
  }
  const stats = await paths.ask('/api/jetty/user-stats', { as: account.apiKey })
  const carried = stats.body.performance.edges.map(({ bytes }: { bytes: number }) => bytes)
  const total = carried.reduce((sum: number, bytes: number) => sum + bytes)
  expect(total).toBeGreaterThanOrEqual(160 * MIB)
  expect(total).toBeLessThanOrEqual(result?.sentBytes ?? 0)

  expect(await offered(other.apiKey)).toEqual(before)
  for (const { source } of await optimalEdges(other.apiKey)) expect(source).toBe('estimated')
})

test('an upload is seen from another device while it goes', { timeout: 60_000 }, async () => {
  const account = await paths.anAccount()
  const sending = await paths.send(
    account,
    { path: 'd.bin', size: 180 * MIB },
    { connections: 6, firstReportMs: 3_000 },
  )
  const env = { JETTY_URL: paths.stack.url ?? '', JETTY_API_KEY: account.apiKey }
  await vi.waitUntil(
    async () => {
      const { lines } = await jetty(env, 'uploads', '--json').ended
      return lines[0]?.sessions?.length === 1 && lines[0].percent > 0
    },
    { timeout: 40_000, interval: 100 },
  )
  const { stdout } = await jetty(env, 'uploads').ended
  expect(stdout).toMatch(/ {2}open {2}\d+% of 180\.0 MiB {2}/)
  paths.setRate(OPEN)
  await sending.ended
})

type Ranked = { id: string; source: string; throughput: number; weight: number }

async function optimalEdges(apiKey: string): Promise<Ranked[]> {
  const body = { fileSize: 60 * MIB }
  return (await paths.ask('/api/jetty/optimal-edges', { as: apiKey, body })).body.edges
}

function failuresOf({ troubles }: Sending, { id }: ThrottledRelay) {
  return troubles.filter(({ routeId, error }) => routeId === id && error.retry === 'elsewhere')
}
