import type { Row } from './steps.ts'

const MILLION = 1_000_000
const HEAD = ['', 'seconds', 'rate', 'sent', 'calls', 'share per path']

/** A table of rows; the rate in Mbit/s, or in MB/s where that is what one compares. */
export function table(rows: Row[], unit: 'Mbit/s' | 'MB/s'): string[] {
  const lines = rows.map((row) => [
    row.step,
    row.seconds.toFixed(2),
    rate(row, unit),
    row.step === 'download' ? '' : `${(row.sent / MILLION).toFixed(1)} MB`,
    row.calls === undefined ? '' : String(row.calls),
    shares(row.paths),
  ])
  const all = [HEAD, ...lines]
  const widths = HEAD.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  return all.map((line) =>
    `  ${line.map((cell, at) => pad(cell, widths[at] ?? 0, at)).join('  ')}`.trimEnd(),
  )
}

/** Bits per second of a row. */
export function bitsPerSecond({ bytes, seconds }: Row): number {
  return (bytes * 8) / seconds
}

function rate(row: Row, unit: 'Mbit/s' | 'MB/s'): string {
  if (row.bytes === 0) return ''
  const perSecond = bitsPerSecond(row) / MILLION
  return `${(unit === 'MB/s' ? perSecond / 8 : perSecond).toFixed(1)} ${unit}`
}

function shares(paths: Record<string, number> = {}): string {
  const all = Object.values(paths).reduce((sum, bytes) => sum + bytes, 0)
  return Object.entries(paths)
    .filter(([, bytes]) => bytes > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([id, bytes]) => `${id} ${Math.round((bytes / all) * 100)}%`)
    .join(', ')
}

function pad(cell: string, width: number, column: number): string {
  const isText = column === 0 || column === HEAD.length - 1
  return isText ? cell.padEnd(width) : cell.padStart(width)
}
