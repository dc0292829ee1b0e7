import { parseLink } from './link.ts'
import { SCENARIOS } from './scenarios.ts'
import type { ScenarioSummary } from './summary.ts'
import { barChart, lineChart } from './svg.ts'

/** The pictures of a report, by file name: bars for each scenario, and the gain over loss where that was measured. */
export function plotsOf(summaries: readonly ScenarioSummary[]): Map<string, string> {
  const plots = new Map(summaries.map((one) => [`wan-${one.scenario}.svg`, barsOf(one)]))
  const curve = gainOverLoss(summaries)
  if (curve) plots.set('wan-gain-over-loss.svg', curve)
  return plots
}

function barsOf({ scenario, ways, limitSeconds }: ScenarioSummary): string {
  const known = SCENARIOS.find(({ name }) => name === scenario)
  return barChart({
    title: known?.title ?? scenario,
    unit: 's',
    bars: ways.map(({ label, seconds, least, most, kind }) => ({
      ...{ label, kind, value: seconds, least, most },
    })),
    limit:
      limitSeconds === null
        ? null
        : { label: `the line: ${limitSeconds.toFixed(1)} s`, value: limitSeconds },
  })
}

/** Ratios to one PUT of those scenarios that differ in nothing but loss. */
function gainOverLoss(summaries: readonly ScenarioSummary[]): string | null {
  const inSweep = SCENARIOS.filter(({ sweep }) => sweep === 'loss').map(({ name }) => name)
  const points = summaries
    .filter(({ scenario }) => inSweep.includes(scenario))
    .map((summary) => ({ summary, loss: parseLink(summary.link).accessLossPercent }))
    .sort((a, b) => a.loss - b.loss)
  if (points.length < 2) return null
  const ways = ['ours', 'rclone16'].map((name) => {
    const found = points.map(({ summary }) => summary.ways.find(({ way }) => way === name))
    const [first] = found.filter((way) => way !== undefined)
    const values = found.map((way) => way?.toSingle ?? null)
    return { label: first?.label ?? name, kind: first?.kind ?? 'peer', values }
  })
  return lineChart({
    title: '100 MB, 300 Mbit/s up, 165 ms: times faster than one PUT',
    xLabel: 'packets lost on the access line, in percent',
    xs: points.map(({ loss }) => String(loss)),
    lines: ways,
  })
}
