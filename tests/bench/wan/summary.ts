import { limitSeconds, parseLink } from './link.ts'
import { counts, type RunRecord } from './record.ts'
import { SCENARIOS } from './scenarios.ts'
import { median, rangeOf } from './statistics.ts'
import { WAYS } from './ways.ts'

/** One way in one scenario: medians of the runs that count. What no run told is null. */
export type Summary = {
  way: string
  label: string
  kind: 'ours' | 'peer' | 'streams'
  runs: number
  seconds: number
  least: number
  most: number
  mbps: number
  /** Of what the line allows, 0 to 1. */
  limitShare: number | null
  /** How often faster than one PUT, and than the best published client that goes straight to the store. */
  toSingle: number | null
  toBestPeer: number | null
  transferSeconds: number | null
  hashSeconds: number | null
  wallSeconds: number
  cpuSecondsPerGb: number
  memoryBytes: number
  /** Part bytes sent beyond the file's own, as a share of it. */
  extraShare: number | null
  /** What other traffic waits longer than on an idle line, in ms. */
  addedMedianMs: number | null
  addedP95Ms: number | null
}

export type ScenarioSummary = {
  scenario: string
  link: string
  fileBytes: number
  /** What no client can beat; null without emulation. */
  limitSeconds: number | null
  ways: Summary[]
  discarded: number
  failed: number
  load: { least: number; most: number }
  /** The machine's idle share, in percent: the median of the runs that count. */
  idlePercent: number
}

/** Groups records by scenario, in the order they came; a scenario none of whose runs count is left out. */
export function summarize(records: readonly RunRecord[]): ScenarioSummary[] {
  const names = [...new Set(records.map(({ scenario }) => scenario))]
  return names
    .map((name) => summaryOf(records.filter(({ scenario }) => scenario === name)))
    .filter(({ ways }) => ways.length > 0)
}

function summaryOf(records: readonly RunRecord[]): ScenarioSummary {
  const good = records.filter(counts)
  const [{ scenario = '', link = '1m', fileBytes = 0 } = {}] = records
  const isLoopback = SCENARIOS.find(({ name }) => name === scenario)?.loopback ?? false
  const limit = isLoopback ? null : limitSeconds(fileBytes, parseLink(link))
  const ways = [...new Set(good.map(({ way }) => way))].map((way) =>
    wayOf(
      way,
      good.filter((record) => record.way === way),
      limit,
    ),
  )
  const single = ways.find(({ way }) => way === 'single')?.seconds
  const peers = ways.filter(({ way, kind }) => kind === 'peer' && !way.endsWith('-edge'))
  const best = peers.length > 0 ? Math.min(...peers.map(({ seconds }) => seconds)) : undefined
  const ratio = (to: number | undefined, seconds: number) =>
    to === undefined ? null : to / seconds
  const failed = records.filter(({ error }) => error !== undefined).length
  return {
    scenario,
    link,
    fileBytes,
    limitSeconds: limit,
    ways: ways
      .map((one) => ({
        ...one,
        toSingle: ratio(single, one.seconds),
        toBestPeer: ratio(best, one.seconds),
      }))
      .sort((a, b) => a.seconds - b.seconds),
    discarded: records.length - good.length - failed,
    failed,
    load: rangeOf(records.map(({ load }) => load)),
    idlePercent: medianOf(good, (record) => record.idlePercent) ?? 0,
  }
}

function wayOf(way: string, records: RunRecord[], limit: number | null): Summary {
  const known = WAYS[way]
  const of = (value: (record: RunRecord) => number | undefined) => medianOf(records, value)
  const seconds = of((record) => record.seconds) ?? 0
  const fileBytes = records[0]?.fileBytes ?? 0
  const range = rangeOf(records.map((record) => record.seconds))
  const cpu = of(({ workCpuSeconds, cpuSeconds }) => workCpuSeconds ?? cpuSeconds) ?? 0
  return {
    way,
    label: known?.label ?? way,
    kind: known?.kind ?? 'peer',
    runs: records.length,
    seconds,
    ...range,
    mbps: (fileBytes * 8) / seconds / 1e6,
    limitShare: limit === null ? null : limit / seconds,
    toSingle: null,
    toBestPeer: null,
    transferSeconds: of((record) => record.transferSeconds),
    hashSeconds: of((record) => record.hashSeconds),
    wallSeconds: of((record) => record.wallSeconds) ?? 0,
    cpuSecondsPerGb: (cpu * 1e9) / fileBytes,
    memoryBytes: of((record) => record.memoryBytes) ?? 0,
    extraShare: of(({ sentBytes }) => sentBytes && sentBytes / fileBytes - 1),
    addedMedianMs: of(({ waiting }) => waiting && waiting.medianMs - waiting.idleMs),
    addedP95Ms: of(({ waiting }) => waiting && waiting.p95Ms - waiting.idleMs),
  }
}

function medianOf(
  records: readonly RunRecord[],
  value: (record: RunRecord) => number | undefined,
): number | null {
  const values = records.map(value).filter((one) => one !== undefined)
  return values.length === 0 ? null : median(values)
}
