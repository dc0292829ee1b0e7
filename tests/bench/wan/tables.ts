import { markdownOf } from '../markdown.ts'
import type { RunRecord } from './record.ts'
import { SCENARIOS } from './scenarios.ts'
import type { ScenarioSummary, Summary } from './summary.ts'

const GB = 1e9
const LARGE_BYTES = 10 * GB

/** The line of a table, as words: of the same columns for each way of a scenario. */
export function rowsOf({ ways }: ScenarioSummary): object[] {
  const withWaiting = ways.some(({ addedP95Ms }) => addedP95Ms !== null)
  return ways.map((way) => ({
    way: way.label,
    seconds: `${secondsOf(way.seconds)} (${secondsOf(way.least)}-${secondsOf(way.most)}, ${way.runs})`,
    'Mbit/s': way.mbps.toFixed(0),
    ...(way.limitShare !== null && { 'of limit': percentOf(way.limitShare) }),
    'to one PUT': ratioOf(way.toSingle),
    'to best peer': ratioOf(way.toBestPeer),
    'parts alone': secondsOrNothing(way.transferSeconds),
    hashing: secondsOrNothing(way.hashSeconds),
    whole: secondsOf(way.wallSeconds),
    'CPU s/GB': way.cpuSecondsPerGb.toFixed(1),
    'MB RSS': (way.memoryBytes / 1e6).toFixed(0),
    extra: way.extraShare === null ? '-' : percentOf(way.extraShare),
    ...(withWaiting && waitingOf(way)),
  }))
}

/** All scenarios as a document has them: heading, plot, table, what did not count. `plots` is where the pictures stand. */
export function documentOf(
  summaries: readonly ScenarioSummary[],
  { records, plots }: { records: readonly RunRecord[]; plots: string },
): string {
  const sections = summaries.map((summary) =>
    [
      `### ${summary.scenario}: ${titleOf(summary.scenario)}`,
      `${linkOf(summary)} ${caveatsOf(summary)}`,
      `![Seconds per way](${plots}/wan-${summary.scenario}.svg)`,
      markdownOf(rowsOf(summary)),
      ...largeOf(summary),
    ].join('\n\n'),
  )
  return [machineOf(records), ...sections].join('\n\n')
}

/** What ten times more would take, reckoned from how it went on: never measured. */
function largeOf({ fileBytes, ways }: ScenarioSummary): string[] {
  if (fileBytes !== GB) return []
  const words = ways.map(({ label, seconds, transferSeconds }) => {
    const rate = fileBytes / (transferSeconds ?? seconds)
    return `${label} ${((seconds + (LARGE_BYTES - fileBytes) / rate) / 60).toFixed(1)} min`
  })
  return [`10 GB, extrapolated from the rate of this 1 GB and not measured: ${words.join(', ')}.`]
}

function titleOf(name: string): string {
  return SCENARIOS.find((scenario) => scenario.name === name)?.title ?? name
}

function linkOf({ link, limitSeconds }: ScenarioSummary): string {
  if (limitSeconds === null) return 'No emulation.'
  return `\`${link}\`; no client can be faster than ${secondsOf(limitSeconds)} s.`
}

function caveatsOf({ discarded, failed, load, idlePercent }: ScenarioSummary): string {
  const out = [
    `${discarded} ${discarded === 1 ? 'run' : 'runs'} discarded because the emulator was late`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    `load average ${load.least.toFixed(1)} to ${load.most.toFixed(1)}, cores ${idlePercent.toFixed(0)} % idle`,
  ]
  return `${out.join(', ')}.`
}

function machineOf(records: readonly RunRecord[]): string {
  const [first] = records
  if (!first) return 'No records.'
  const { cpu, cores, kernel, node, congestion } = first.machine
  const days = records.map(({ at }) => at.slice(0, 10)).sort()
  const when = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`
  return `${cores} cores of ${cpu}, Linux ${kernel}, Node ${node}, ${congestion.toUpperCase()}; ${when}.`
}

function waitingOf({ addedMedianMs, addedP95Ms }: Summary) {
  return {
    'others wait +ms': addedMedianMs === null ? '-' : addedMedianMs.toFixed(0),
    'p95 +ms': addedP95Ms === null ? '-' : addedP95Ms.toFixed(0),
  }
}

function secondsOf(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)
}

function secondsOrNothing(value: number | null): string {
  return value === null ? '-' : secondsOf(value)
}

function ratioOf(value: number | null): string {
  return value === null ? '-' : value.toFixed(value >= 10 ? 1 : 2)
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}
