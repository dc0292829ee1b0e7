import { createCipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { manifestBytesMax } from '../../../lib/content/manifest-format.ts'
import type { Programs } from './build.ts'
import { CONGESTION } from './congestion.ts'
import type { Traffic } from './lab.ts'
import { spawnIn } from './namespace.ts'
import type { RunRecord } from './record.ts'
import type { Scenario } from './scenarios.ts'
import { median, percentile } from './statistics.ts'
import { type Way, wayNamed } from './ways.ts'
import type { World } from './world.ts'

const LIMIT_MS = 20 * 60_000
/** What is queued on the line has left it by then. */
const PAUSE_MS = 1_500
const IDLE_PROBE_MS = 2_000
const CLOCK_TICKS_PER_SECOND = 100
const BLOCK_BYTES = 1024 * 1024

export type Attempt = { scenario: Scenario; world: World; programs: Programs; file: string }

/** One run of one way, with all that was seen of it. A failed run has an `error`. */
export async function measureRun(
  attempt: Attempt,
  { name, round }: { name: string; round: number },
): Promise<RunRecord> {
  const { scenario, world, file } = attempt
  makeUnlike(file)
  if (scenario.cold) await world.relays.restart()
  await sleep(PAUSE_MS)
  const idle = await waitsIdle(world)
  await world.lab.traffic()
  const before = { emulator: emulatorSeconds(world), store: await world.store.ask('settle') }
  const cores = coreTimes()

  const ran = await runClient(attempt, wayNamed(name))
  const traffic = await world.lab.traffic()
  const emulator = emulatorSeconds(world) - before.emulator
  const idlePercent = rounded(idleSince(cores))
  const busy = during(await waitsNow(world), ran)
  const after = await world.store.ask('settle')
  if (scenario.kills) await world.relays.start(0)
  const storedBytes = name === 'tus' ? world.takeTusBytes() : Number(after.storedBytes)
  const fileBytes = statSync(file).size
  // This project's client stores a list of chunks beside a file.
  const extraMax = wayNamed(name).kind === 'ours' ? manifestBytesMax(fileBytes) : 0
  const isStored = storedBytes >= fileBytes && storedBytes <= fileBytes + extraMax
  const error = ran.error ?? (isStored ? undefined : `${storedBytes} bytes were stored`)
  return {
    at: new Date().toISOString(),
    scenario: scenario.name,
    link: scenario.link,
    fileBytes,
    way: name,
    round,
    ...ran.figures,
    ...lineFigures(traffic),
    // The few packets of the control plane say nothing about an upload beside the emulator.
    ...(scenario.loopback && { latePercent: 0 }),
    ...(busy.length > 0 && idle.length > 0 && { waiting: waitingOf(idle, busy) }),
    emulatorCpuShare: rounded(emulator / ran.figures.wallSeconds),
    storeCpuSeconds: rounded(Number(after.cpuSeconds) - Number(before.store.cpuSeconds)),
    idlePercent,
    load: rounded(loadavg()[0] ?? 0),
    ...(error !== undefined && { error }),
    machine: machine(),
  }
}

type RoundTrip = { at: number; ms: number }

/** `endedAt` is when it said its figures, else when it ended, in ms since 1970. */
type Ran = {
  endedAt: number
  figures: Pick<RunRecord, 'seconds' | 'wallSeconds' | 'cpuSeconds' | 'memoryBytes'>
  error?: string
}

async function runClient({ scenario, world, programs, file }: Attempt, way: Way): Promise<Ran> {
  const result = join(world.folder, 'measured.json')
  rmSync(result, { force: true })
  const key = randomBytes(6).toString('hex')
  const { words, env } = way.command({ ...world.context, file, key })
  const child = spawnIn({
    namespace: world.lab.namespaceOf(scenario.loopback ? 'origin' : 'client'),
    words: [programs.measured, result, ...words],
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGTERM'), LIMIT_MS)
  let said = ''
  let told: Record<string, unknown> = {}
  let endedAt = 0
  child.stderr?.on('data', (text) => (said = `${said}${text}`.slice(-500)))
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => {
    const message = parsed(line)
    if (message.half) {
      if (scenario.kills) void world.relays.kill(0)
    } else {
      told = { ...told, ...message }
      endedAt = Date.now()
    }
  })
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  const used = JSON.parse(readFileSync(result, 'utf8'))
  const figures = { seconds: used.wallSeconds, ...used, ...roundedAll(told) }
  endedAt ||= Date.now()
  const ran = { figures, endedAt }
  return code === 0 ? ran : { ...ran, error: said.trim() || `ended with ${code}` }
}

function parsed(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line))
  } catch {
    return {}
  }
}

/** Other content of the same size, all of it: the product would not send what a similar file has. The same cost for everybody. */
function makeUnlike(file: string): void {
  const { size } = statSync(file)
  const noise = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  const zeros = Buffer.alloc(BLOCK_BYTES)
  const fd = openSync(file, 'r+')
  for (let at = 0; at < size; at += BLOCK_BYTES) {
    writeSync(fd, noise.update(zeros.subarray(0, size - at)), 0, null, at)
  }
  closeSync(fd)
}

/** Round trips of other traffic with nothing else on the line. */
async function waitsIdle(world: World): Promise<RoundTrip[]> {
  if (!world.probe) return []
  await world.probe.ask('take')
  await sleep(IDLE_PROBE_MS)
  return await waitsNow(world)
}

async function waitsNow({ probe }: World): Promise<RoundTrip[]> {
  const taken = await probe?.ask('take')
  return Array.isArray(taken?.roundTrips) ? taken.roundTrips : []
}

/** Those that began while the upload went on; a client's own start and end are left out. */
function during(all: RoundTrip[], { endedAt, figures }: Ran): RoundTrip[] {
  const begunAt = endedAt - figures.seconds * 1000
  return all.filter(({ at }) => at >= begunAt && at <= endedAt)
}

function waitingOf(idle: RoundTrip[], busy: RoundTrip[]): RunRecord['waiting'] {
  const times = busy.map(({ ms }) => ms)
  return {
    idleMs: rounded(median(idle.map(({ ms }) => ms))),
    medianMs: rounded(median(times)),
    p95Ms: rounded(percentile(times, 95)),
  }
}

function lineFigures(traffic: Traffic) {
  const paths = Object.entries(traffic.paths).filter(([name]) => name.startsWith('client>'))
  const up = traffic.access['client.up']
  return {
    lineBytes: up?.bytes ?? 0,
    tailDrops: up?.tailDrops ?? 0,
    lost: paths.reduce((sum, [, { lost }]) => sum + lost, 0),
    latePercent: rounded((100 * traffic.lateOver1Ms) / Math.max(1, traffic.delivered)),
    lateMeanUs: traffic.lateMeanUs,
  }
}

/** proc(5): user and system time are the fields 14 and 15; the name before them has no blank. */
function emulatorSeconds({ lab }: World): number {
  const fields = readFileSync(`/proc/${lab.emulatorPid}/stat`, 'utf8').split(' ')
  return (Number(fields[13]) + Number(fields[14])) / CLOCK_TICKS_PER_SECOND
}

type CoreTimes = { idle: number; all: number }

/** Of all cores since the machine started, in ms. */
function coreTimes(): CoreTimes {
  const times = cpus().map((core) => core.times)
  const all = times.reduce((sum, one) => sum + Object.values(one).reduce((a, b) => a + b, 0), 0)
  return { idle: times.reduce((sum, { idle }) => sum + idle, 0), all }
}

function idleSince(before: CoreTimes): number {
  const now = coreTimes()
  return (100 * (now.idle - before.idle)) / Math.max(1, now.all - before.all)
}

function machine(): RunRecord['machine'] {
  const [first] = cpus()
  const cores = cpus().length
  return {
    cpu: first?.model ?? '',
    cores,
    kernel: release(),
    node: process.version,
    congestion: CONGESTION,
  }
}

function roundedAll(told: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(told)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'number' ? rounded(value) : value]),
  )
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
