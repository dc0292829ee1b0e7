import type { Style, Terminal } from './edges-terminal.ts'

const COLUMNS_MAX = 100
const GAP = '  '
const SHRUNK_MIN = 4

/** A column of a table of rows of one kind. One that shrinks gives way when a line would be longer than 100. */
export type Column<T> = {
  title: string
  text: (row: T) => string
  align?: 'right'
  shrinks?: boolean
  style?: (row: T) => Style | undefined
}

/** A line of titles and one for each row. */
export function tableLines<T>(columns: Column<T>[], rows: T[], terminal: Terminal): string[] {
  const texts = rows.map((row) => columns.map(({ text }) => text(row)))
  const widths = shrink(
    columns,
    columns.map(({ title }, at) =>
      Math.max(title.length, ...texts.map((line) => line[at]?.length ?? 0)),
    ),
  )
  const cell = (text: string, at: number) => fitted(text, widths[at] ?? 0, columns[at]?.align)
  const titles = columns.map(({ title }, at) => cell(title, at)).join(GAP)
  const lines = rows.map((row, line) =>
    columns
      .map(({ style }, at) => terminal.paint(style?.(row), cell(texts[line]?.[at] ?? '', at)))
      .join(GAP)
      .trimEnd(),
  )
  return [terminal.paint('dim', titles.trimEnd()), ...lines]
}

/** Seconds as a short age: `now`, `35s`, `12m`, `3h`, `2d`. */
export function showAge(seconds: number): string {
  if (seconds < 1) return 'now'
  if (seconds < 100) return `${Math.round(seconds)}s`
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)}m`
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}

/** A number or, where nobody knows it, a dash. */
export function showKnown(value: number | null, show: (value: number) => string): string {
  return value === null ? '-' : show(value)
}

/** Milliseconds: `0.4 ms`, `12 ms`. */
export function showMs(ms: number): string {
  return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`
}

/** A share in percent: `0.3%`, `42%`. */
export function showShare(share: number): string {
  const percent = share * 100
  return `${percent === 0 || percent >= 9.95 ? Math.round(percent) : percent.toFixed(1)}%`
}

/** Mbit/s, with a decimal where it matters. */
export function showMbps(mbps: number): string {
  return mbps < 99.95 ? mbps.toFixed(1) : String(Math.round(mbps))
}

function shrink<T>(columns: Column<T>[], widths: number[]): number[] {
  const total = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1))
  const tooMuch = Math.max(0, total - COLUMNS_MAX)
  return widths.map((width, at) =>
    columns[at]?.shrinks ? Math.max(SHRUNK_MIN, width - tooMuch) : width,
  )
}

function fitted(text: string, width: number, align: 'right' | undefined): string {
  const short = text.length > width ? `${text.slice(0, width - 1)}.` : text
  return align === 'right' ? short.padStart(width) : short.padEnd(width)
}
