import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { plotsOf } from './plots.ts'
import type { RunRecord } from './record.ts'
import { summarize } from './summary.ts'
import { documentOf, rowsOf } from './tables.ts'

const DOCS = join(import.meta.dirname, '../../../docs')
const DOCUMENT = join(DOCS, 'benchmarks.md')
const PLOTS = 'benchmarks'
/** What stands between these lines of the document is written by `report --write`, and by nobody else. */
const BEGIN =
  '<!-- wan: written by `npm run bench -- wan report docs/benchmarks/wan.jsonl --write` -->'
const END = '<!-- /wan -->'

/** Prints what records say, as tables for a terminal or for a document. */
export function printReport(records: readonly RunRecord[], isMarkdown: boolean): void {
  const summaries = summarize(records)
  if (isMarkdown) {
    console.log(documentOf(summaries, { records, plots: PLOTS }))
    return
  }
  for (const summary of summaries) {
    const { limitSeconds } = summary
    const limit = limitSeconds === null ? 'none' : `${limitSeconds.toFixed(2)} s`
    console.log(`\n${summary.scenario} (${summary.link}), limit ${limit}`)
    console.table(rowsOf(summary))
    const { discarded, failed } = summary
    if (discarded + failed > 0) console.log(`${discarded} runs discarded, ${failed} failed`)
  }
}

/** Puts tables into docs/benchmarks.md, and plots beside it. @throws Error where the document has no place for them */
export function writeReport(records: readonly RunRecord[]): void {
  const summaries = summarize(records)
  const folder = join(DOCS, PLOTS)
  mkdirSync(folder, { recursive: true })
  for (const [name, picture] of plotsOf(summaries)) writeFileSync(join(folder, name), picture)
  const text = documentOf(summaries, { records, plots: PLOTS })
  writeFileSync(DOCUMENT, replacedBetween(readFileSync(DOCUMENT, 'utf8'), text))
}

/** The document with this text in its place. */
export function replacedBetween(document: string, text: string): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no ${BEGIN}`)
  return `${document.slice(0, from + BEGIN.length)}\n\n${text}\n\n${document.slice(to)}`
}
