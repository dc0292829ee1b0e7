const WIDTH = 760
const LABEL_WIDTH = 210
const RIGHT = 70
const ROW_HEIGHT = 26
const BAR_HEIGHT = 16
const TOP = 44
const BOTTOM = 30
const FONT = 'font-family="system-ui, sans-serif" font-size="12"'

/** Readable on a light page and on a dark one. */
const COLORS = {
  ours: '#2f7ed8',
  peer: '#8a8f98',
  streams: '#b7a06a',
  text: '#777',
  limit: '#d0433b',
}

export type Bar = {
  label: string
  value: number
  least: number
  most: number
  kind: 'ours' | 'peer' | 'streams'
}

export type BarChart = {
  title: string
  unit: string
  bars: Bar[]
  limit: { label: string; value: number } | null
}

/** Horizontal bars with their ranges, and the line that none can pass, if there is one. */
export function barChart({ title, unit, bars, limit }: BarChart): string {
  const height = TOP + bars.length * ROW_HEIGHT + BOTTOM
  const most = Math.max(limit?.value ?? 0, ...bars.map((bar) => bar.most))
  const scale = (value: number) => LABEL_WIDTH + (value / most) * (WIDTH - LABEL_WIDTH - RIGHT)
  return svg(height, title, [
    text({ x: 0, y: 18, anchor: 'start', fill: COLORS.text, weight: 'bold' }, title),
    ...bars.flatMap((bar, at) => rowOf(bar, { y: TOP + at * ROW_HEIGHT, scale, unit })),
    ...(limit === null ? [] : limitLine(limit.label, scale(limit.value), height - BOTTOM)),
  ])
}

function limitLine(label: string, x: number, below: number): string[] {
  const at = round(x)
  return [
    `<line x1="${at}" x2="${at}" y1="${TOP - 6}" y2="${below}" stroke="${COLORS.limit}" stroke-dasharray="4 3"/>`,
    text({ x, y: below + 16, anchor: 'middle', fill: COLORS.limit }, label),
  ]
}

export type LineChart = {
  title: string
  xLabel: string
  /** What stands under the points, from left to right. */
  xs: string[]
  lines: { label: string; kind: 'ours' | 'peer' | 'streams'; values: (number | null)[] }[]
}

const PLOT_HEIGHT = 220

/** One line per way over a few named points; a point without a value is left out. */
export function lineChart({ title, xLabel, xs, lines }: LineChart): string {
  const left = 50
  const right = LABEL_WIDTH
  const most = Math.max(
    1,
    ...lines.flatMap(({ values }) => values.filter((value) => value !== null)),
  )
  const x = (at: number) => left + (at / Math.max(1, xs.length - 1)) * (WIDTH - left - right)
  const y = (value: number) => TOP + PLOT_HEIGHT - (value / most) * PLOT_HEIGHT
  const bottom = TOP + PLOT_HEIGHT
  return svg(bottom + 50, title, [
    text({ x: 0, y: 18, anchor: 'start', fill: COLORS.text, weight: 'bold' }, title),
    ...xs.map((label, at) =>
      text({ x: x(at), y: bottom + 18, anchor: 'middle', fill: COLORS.text }, label),
    ),
    text(
      { x: x((xs.length - 1) / 2), y: bottom + 38, anchor: 'middle', fill: COLORS.text },
      xLabel,
    ),
    `<line x1="${left}" x2="${WIDTH - right}" y1="${bottom}" y2="${bottom}" stroke="${COLORS.text}"/>`,
    ...lines.flatMap((line) => curveOf(line, { x, y })),
  ])
}

function curveOf(
  { label, kind, values }: LineChart['lines'][number],
  { x, y }: { x: (at: number) => number; y: (value: number) => number },
): string[] {
  const points = values.flatMap((value, at) =>
    value === null ? [] : [{ x: round(x(at)), y: round(y(value)), value }],
  )
  const last = points.at(-1)
  if (!last) return []
  const color = COLORS[kind]
  const path = points.map((point) => `${point.x},${point.y}`).join(' ')
  return [
    `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...points.flatMap((point) => [
      `<circle cx="${point.x}" cy="${point.y}" r="3" fill="${color}"/>`,
      text({ x: point.x, y: point.y - 7, anchor: 'middle', fill: color }, point.value.toFixed(1)),
    ]),
    text({ x: last.x + 12, y: last.y + 4, anchor: 'start', fill: color }, label),
  ]
}

function rowOf(
  bar: Bar,
  { y, scale, unit }: { y: number; scale: (value: number) => number; unit: string },
): string[] {
  const [start, end, middle] = [scale(0), round(scale(bar.value)), y + BAR_HEIGHT / 2]
  const words = `${bar.value.toFixed(bar.value >= 10 ? 1 : 2)} ${unit}`
  return [
    text({ x: LABEL_WIDTH - 8, y: middle + 4, anchor: 'end', fill: COLORS.text }, bar.label),
    `<rect x="${start}" y="${y}" width="${round(end - start)}" height="${BAR_HEIGHT}" fill="${COLORS[bar.kind]}"/>`,
    `<line x1="${round(scale(bar.least))}" x2="${round(scale(bar.most))}" y1="${middle}" y2="${middle}" stroke="${COLORS.text}" stroke-width="2"/>`,
    text(
      { x: round(scale(bar.most)) + 6, y: middle + 4, anchor: 'start', fill: COLORS.text },
      words,
    ),
  ]
}

type TextPlace = {
  x: number
  y: number
  anchor: 'start' | 'middle' | 'end'
  fill: string
  weight?: string
}

function text({ x, y, anchor, fill, weight = 'normal' }: TextPlace, words: string): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${fill}" font-weight="${weight}" ${FONT}>${escaped(words)}</text>`
}

function svg(height: number, title: string, parts: string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`
  return [head, `<title>${escaped(title)}</title>`, ...parts, '</svg>', ''].join('\n')
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
