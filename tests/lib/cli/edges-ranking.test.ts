import { expect, test } from 'vitest'
import { rankingLines } from '../../../lib/cli/edges-ranking.ts'
import { showAge } from '../../../lib/cli/edges-table.ts'
import { painted, plain } from '../../../lib/cli/edges-terminal.ts'
import { aRankedEdge, STRATEGY } from './edges-service.ts'

const UTF8 = { columns: 100, isUtf8: true, paint: plain }
const ASCII = { columns: 100, isUtf8: false, paint: plain }

const EDGES = [
  aRankedEdge('lon-1', 'http://lon'),
  aRankedEdge('fra-1', 'http://fra', {
    city: 'Frankfurt',
    ...{ distance: 640, score: 0.8, weight: 0.21, load: null, source: 'estimated', age: null },
  }),
  aRankedEdge('direct', 'http://store', {
    ...{ city: null, country: null, distance: null, score: 0.3, weight: 0.07, errorRate: 0 },
  }),
]
const RANKING = {
  answer: { strategy: STRATEGY, edges: EDGES, grant: null, serverTime: '' },
  measured: new Map([
    ['lon-1', 1.8],
    ['fra-1', null],
  ]),
  unreached: [],
  fileSize: 1024 ** 3,
}

test('the table says what is known of each path, and a dash where nothing is', () => {
  expect(rankingLines(RANKING, UTF8)).toEqual([
    '#  edge    city        km  from here  load  Mbit/s  errors  score  weight      known',
    '1  lon-1   London      12     1.8 ms   20%    48.1    0.1%   0.91   42% █████  measured 35s',
    '2  fra-1   Frankfurt  640  no answer     -    48.1    0.1%   0.80   21% ██▌    estimated',
    '3  direct  the store    -          -   20%    48.1      0%   0.30    7% ▉      measured 35s',
    '',
    '1.0 GiB: 128 parts of 8.0 MiB over 16 connections, about 47.0 s at 183 Mbit/s (estimated)',
  ])
})

test('a relay that nothing here reaches stands below, without a place', () => {
  const unreached = [aRankedEdge('tyo-1', 'http://tyo', { city: 'Tokyo', distance: 9560 })]
  const lines = rankingLines({ ...RANKING, unreached }, UTF8)
  expect(lines[4]).toBe(
    '-  tyo-1   Tokyo      9560  no answer   20%    48.1    0.1%      -     -        measured 35s',
  )
})

test('without UTF-8 the bars are ASCII', () => {
  const lines = rankingLines(RANKING, ASCII)
  expect(lines.join('')).toMatch(/^[\x20-\x7e]*$/)
  expect(lines[1]).toContain(' 42% #####  ')
})

test('the longest names and figures stay within 100 columns', () => {
  const long = {
    ...{ city: 'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch', distance: 20_015 },
    ...{ weight: 1, load: 100, throughput: 12_345.6, errorRate: 0.00123, age: 86_400 * 30 },
  }
  const edges = ['a', 'b', 'c', 'd', 'e', 'sfo-1'].map((id) => aRankedEdge(id, 'http://x', long))
  const measured = new Map(edges.map(({ id }) => [id, null]))
  const lines = rankingLines({ ...RANKING, measured, answer: { ...RANKING.answer, edges } }, UTF8)
  expect(Math.max(...lines.map(({ length }) => length))).toBe(100)
  expect(lines[1]).toMatch(/Llanfair\w+\. /)
})

test('colours change nothing but colours', () => {
  const colored = rankingLines(RANKING, { ...UTF8, paint: painted })
  expect(colored[2]).toContain('\u001b[31mno answer\u001b[0m')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
  const bare = colored.map((line) => line.replace(/\u001b\[\d+m/g, '').trimEnd())
  expect(bare).toEqual(rankingLines(RANKING, UTF8))
})

test('what a name could do to a terminal is shown, not done', () => {
  const edges = [aRankedEdge('x', 'http://x', { city: '\u001b[31mred' })]
  const lines = rankingLines({ ...RANKING, answer: { ...RANKING.answer, edges } }, UTF8)
  expect(lines.join('')).toContain('\\x1b[31mred')
})

test.each([
  [0, 'now'],
  [35.4, '35s'],
  [720, '12m'],
  [3600 * 3, '3h'],
  [86_400 * 30, '30d'],
])('%d s is %s', (seconds, text) => {
  expect(showAge(seconds)).toBe(text)
})
