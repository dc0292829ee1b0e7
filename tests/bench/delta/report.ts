import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { markdownOf } from '../markdown.ts'
import type { ChangeRow } from './made-up.ts'
import { REAL_WAYS, type RealRow } from './real.ts'
import type { Cost } from './world.ts'

const DOCUMENT = join(import.meta.dirname, '../../../docs/benchmarks.md')
/** What stands between these lines of the document is written by `--write`, and by nobody else. */
const BEGIN = '<!-- delta: written by `npm run bench:delta -- --write` -->'
const END = '<!-- /delta -->'

/** Both tables, and where and when they were made. */
export function textOf(changes: ChangeRow[], real: RealRow[]): string {
  const [cpu] = cpus()
  const load = loadavg()[0]?.toFixed(1)
  const date = new Date().toISOString().slice(0, 10)
  const machine = `${cpus().length} cores of ${cpu?.model.trim()}, Node ${process.version}; ${date}, load average ${load} at the end.`
  return [
    machine,
    ...(changes.length > 0 ? [markdownOf(changes.map(changeRow))] : []),
    ...(real.length > 0 ? [markdownOf(real.map(realRow))] : []),
  ].join('\n\n')
}

/** @throws Error where the document has no place for it */
export function writeInto(text: string): void {
  const document = readFileSync(DOCUMENT, 'utf8')
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no ${BEGIN}`)
  writeFileSync(
    DOCUMENT,
    `${document.slice(0, from + BEGIN.length)}\n\n${text}\n\n${document.slice(to)}`,
  )
}

function changeRow({ change, size, cost, most }: ChangeRow) {
  return {
    'change to 256 MiB': change,
    'bytes sent': cost.sentBytes.toLocaleString('en'),
    share: percent(cost.sentBytes, size),
    'at most': most,
    calls: cost.functionCalls,
    seconds: cost.seconds.toFixed(1),
  }
}

function realRow({ what, size, costs }: RealRow) {
  const columns = REAL_WAYS.map((way) => [way, shown(costs[way] ?? null, size)])
  return { 'second version of': what, MB: megabytes(size), ...Object.fromEntries(columns) }
}

function shown(cost: Cost | null, size: number): string {
  if (!cost) return 'not installed'
  return `${megabytes(cost.sentBytes)} MB (${percent(cost.sentBytes, size)}), ${cost.seconds.toFixed(1)} s`
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(2)} %`
}
