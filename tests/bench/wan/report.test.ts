import { expect, test } from 'vitest'
import type { RunRecord } from './record.ts'
import { replacedBetween } from './report.ts'
import { summarize } from './summary.ts'
import { barChart, lineChart } from './svg.ts'
import { documentOf, rowsOf } from './tables.ts'

function aRecord(some: Partial<RunRecord>): RunRecord {
  return {
    at: '2026-01-02T03:04:05.000Z',
    scenario: 'headline',
    link: '300m,0.03,0,165,1500k',
    fileBytes: 100e6,
    way: 'ours',
    round: 0,
    seconds: 4,
    wallSeconds: 5,
    cpuSeconds: 1,
    memoryBytes: 100e6,
    lineBytes: 104e6,
    lost: 0,
    tailDrops: 0,
    latePercent: 0.1,
    lateMeanUs: 20,
    emulatorCpuShare: 0.5,
    storeCpuSeconds: 1,
    idlePercent: 30,
    load: 1,
    machine: { cpu: 'C', cores: 2, kernel: 'K', node: 'v22', congestion: 'cubic' },
    ...some,
  }
}

const TWO_ROUNDS = [
  aRecord({ way: 'single', seconds: 50 }),
  aRecord({ way: 'rclone16', seconds: 10 }),
  aRecord({ way: 'rclone16-edge', seconds: 5 }),
  aRecord({ seconds: 4, sentBytes: 110e6 }),
  aRecord({ way: 'single', seconds: 70 }),
  aRecord({ way: 'rclone16', seconds: 8 }),
  aRecord({ seconds: 6, sentBytes: 100e6 }),
]

test('ratios are of medians: to one PUT, and to the best client that goes straight to the store', () => {
  const [headline] = summarize(TWO_ROUNDS)
  const ours = headline?.ways.find(({ way }) => way === 'ours')
  expect(ours).toMatchObject({ runs: 2, seconds: 5, least: 4, most: 6, toSingle: 12 })
  expect(ours?.toBestPeer).toBeCloseTo(9 / 5)
  expect(ours?.extraShare).toBeCloseTo(0.05)
})

test('runs with a late emulator and failed runs count for nothing, and are told', () => {
  const [headline] = summarize([
    aRecord({}),
    aRecord({ seconds: 99, latePercent: 3.1 }),
    aRecord({ seconds: 1, error: 'refused' }),
  ])
  expect(headline).toMatchObject({ discarded: 1, failed: 1, ways: [{ runs: 1, seconds: 4 }] })
})

test('a scenario none of whose runs count is left out', () => {
  expect(summarize([aRecord({ latePercent: 50 })])).toEqual([])
})

test('columns of waiting stand only where it was measured', () => {
  const rows = (record: RunRecord) => summarize([record]).flatMap(rowsOf)
  const waiting = { idleMs: 165, medianMs: 200, p95Ms: 240 }
  expect(rows(aRecord({ waiting }))[0]).toMatchObject({ 'others wait +ms': '35', 'p95 +ms': '75' })
  expect(rows(aRecord({}))[0]).not.toHaveProperty('p95 +ms')
})

test('10 GB are reckoned from the rate of 1 GB, and said to be', () => {
  const long = aRecord({ scenario: 'long', fileBytes: 1e9, seconds: 31, transferSeconds: 30 })
  const text = documentOf(summarize([long]), { records: [long], plots: 'p' })
  // 31 s, then 9 GB at 1 GB in 30 s.
  expect(text).toContain(
    'extrapolated from the rate of this 1 GB and not measured: JettySpeed 5.0 min',
  )
})

test('a report takes the place of the one before it and touches nothing else', () => {
  const begin =
    '<!-- wan: written by `npm run bench -- wan report docs/benchmarks/wan.jsonl --write` -->'
  const before = `above\n${begin}\nold\n<!-- /wan -->\nbelow`
  expect(replacedBetween(before, 'new')).toBe(`above\n${begin}\n\nnew\n\n<!-- /wan -->\nbelow`)
  expect(() => replacedBetween('nothing', 'new')).toThrow('has no')
})

test('a chart has a bar for each way, its words escaped, and the line nobody passes', () => {
  const chart = barChart({
    title: 'a < b',
    unit: 's',
    bars: [
      { label: 'one & two', kind: 'ours', value: 2, least: 1, most: 4 },
      { label: 'three', kind: 'peer', value: 3, least: 3, most: 3 },
    ],
    limit: { label: 'the line', value: 1 },
  })
  expect(chart.match(/<rect /g)).toHaveLength(2)
  expect(chart).toContain('a &lt; b')
  expect(chart).toContain('one &amp; two')
  expect(chart.match(/stroke-dasharray/g)).toHaveLength(1)
})

test('a curve leaves out points that were not measured', () => {
  const chart = lineChart({
    title: 't',
    xLabel: 'loss',
    xs: ['0', '1', '2'],
    lines: [{ label: 'ours', kind: 'ours', values: [1, null, 3] }],
  })
  expect(chart.match(/<circle /g)).toHaveLength(2)
})
