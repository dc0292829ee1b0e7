import { Agent, request } from 'node:http'
import { loadavg } from 'node:os'
import { startFunctionsChild } from '../local/functions-child.ts'
import { type ServiceProxy, startProxy } from '../local/proxy.ts'
import { type Stack, startStack } from '../local/stack.ts'
import { type Case, endpointCases } from './endpoint-cases.ts'

const WARM_UP = 50
const CALLS = 300
const AT_ONCE = 8
const COUNTED_CALLS = 3

/**
 * What one round trip to each service is taken to add in a real deployment, in ms: function, Neon, Upstash and the store in
 * one region, connections warm. Assumptions, not measurements; docs/benchmarks.md says where they come from.
 */
const HOP_MS = { redis: 3, sql: 10, s3: 30 }

type Service = keyof typeof HOP_MS
type Trips = Record<Service, number>
type Row = Record<string, string | number>

/**
 * Latencies of the endpoints over HTTP on loopback, in ms: 300 calls after 50 to warm up, one after the other and 8 at once,
 * with a connection that is kept. The round trips of a call are counted by proxies before the services, in a second
 * process, after the timing.
 */
export async function benchEndpoints(): Promise<Row[]> {
  const stack = await startStack({ functions: true })
  try {
    const cases = await endpointCases(stack)
    console.log(`load average before: ${loadavg().map((one) => one.toFixed(2))}`)
    const rows: Row[] = []
    for (const one of cases) rows.push(await time(one, stack.url ?? ''))
    console.log(`load average after: ${loadavg().map((one) => one.toFixed(2))}`)

    const counted = await countTrips(stack, cases)
    return rows.map((row, index) => ({ ...row, ...tripsOf(cases[index], counted[index]) }))
  } finally {
    await stack.stop()
  }
}

async function time(one: Case, url: string): Promise<Row> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  await run(one, { url, agent, calls: WARM_UP, atOnce: AT_ONCE })
  const alone = await run(one, { url, agent, calls: CALLS, atOnce: 1 })
  const together = await run(one, { url, agent, calls: CALLS, atOnce: AT_ONCE })
  agent.destroy()
  return {
    endpoint: one.name,
    'target ms': one.targetMs ?? '-',
    p50: percentile(alone, 50),
    p95: percentile(alone, 95),
    p99: percentile(alone, 99),
    'p50 (8)': percentile(together, 50),
    'p95 (8)': percentile(together, 95),
    'p99 (8)': percentile(together, 99),
  }
}

type Load = { url: string; agent: Agent; calls: number; atOnce: number }

async function run(one: Case, { url, agent, calls, atOnce }: Load): Promise<number[]> {
  const durations: number[] = []
  let begun = 0
  const worker = async () => {
    while (begun++ < calls) {
      const body = one.body?.()
      const start = performance.now()
      await send(one, { url, agent, body: body === undefined ? undefined : JSON.stringify(body) })
      durations.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return durations.sort((a, b) => a - b)
}

/** One call, its answer read to the end; anything but 200 ends the run. */
async function send(
  { method, path, apiKey }: Case,
  { url, agent, body }: { url: string; agent: Agent; body: string | undefined },
): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  await new Promise<void>((resolve, reject) => {
    const outgoing = request(`${url}${path}`, { method, agent, headers }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece) => pieces.push(piece))
      answer.once('end', () => {
        if (answer.statusCode === 200) resolve()
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${Buffer.concat(pieces)}`))
      })
    })
    outgoing.once('error', reject).end(body)
  })
}

/** The nearest-rank percentile of sorted durations, in tenths of a ms. */
function percentile(sorted: number[], percent: number): number {
  const at = Math.ceil((percent / 100) * sorted.length) - 1
  return Math.round((sorted[at] ?? 0) * 10) / 10
}

async function countTrips(stack: Stack, cases: Case[]): Promise<Trips[]> {
  const [redis, sql, s3] = await Promise.all([
    startProxy(stack.env.UPSTASH_REDIS_REST_URL ?? ''),
    startProxy(stack.env.JETTY_NEON_HTTP ?? ''),
    startProxy(stack.env.LYVE_ENDPOINT ?? ''),
  ])
  const proxies: Record<Service, ServiceProxy> = { redis, sql, s3 }
  const functions = await startFunctionsChild({
    ...stack.env,
    UPSTASH_REDIS_REST_URL: redis.url,
    JETTY_NEON_HTTP: sql.url,
    LYVE_ENDPOINT: s3.url,
    JOBS_AFTER_REQUESTS: 'off',
  })
  const agent = new Agent({ keepAlive: true })
  const counted: Trips[] = []
  for (const one of cases) {
    await run(one, { url: functions.url, agent, calls: 1, atOnce: 1 })
    const tries: Trips[] = []
    while (tries.length < COUNTED_CALLS) {
      for (const proxy of Object.values(proxies)) proxy.passed.length = 0
      await run(one, { url: functions.url, agent, calls: 1, atOnce: 1 })
      tries.push({ redis: redis.passed.length, sql: sql.passed.length, s3: s3.passed.length })
    }
    counted.push(fewest(tries))
  }
  agent.destroy()
  await functions.stop()
  for (const proxy of Object.values(proxies)) await proxy.stop()
  return counted
}

/** Once a minute a call looks its key up anew; that one does not count. */
function fewest(tries: Trips[]): Trips {
  const [least] = tries.sort((a, b) => a.redis + a.sql + a.s3 - (b.redis + b.sql + b.s3))
  return least ?? { redis: 0, sql: 0, s3: 0 }
}

/** The trips counted, and what those that follow each other are taken to add. */
function tripsOf(one: Case | undefined, counted: Trips | undefined): Row {
  const { redis = 0, sql = 0, s3 = 0 } = counted ?? {}
  const aside = { redis: 0, sql: 0, s3: 0, ...one?.aside }
  const addedMs =
    (redis - aside.redis) * HOP_MS.redis +
    (sql - aside.sql) * HOP_MS.sql +
    (s3 - aside.s3) * HOP_MS.s3
  return { 'trips (Redis, SQL, S3)': `${redis}, ${sql}, ${s3}`, 'hops add ms': addedMs }
}
