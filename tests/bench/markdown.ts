/** What a bench gives: a row for each thing measured, or one of them. */
export type Rows = readonly object[] | object

/** Rows as a table that a document can take over. */
export function markdownOf(rows: Rows): string {
  const list: readonly object[] = Array.isArray(rows) ? rows : [rows]
  const names = Object.keys(list[0] ?? {})
  const lines = list.map((row) => Object.values(row).map(String))
  return [names, names.map(() => '---'), ...lines]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n')
}
