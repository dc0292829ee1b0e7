import { bandsOf } from '../content/bands.ts'
import { averageBytesOf } from '../content/chunk-sizes.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'

/** What is kept beside a sketch so that an index finds it: the average of its chunks, and its eight bands. */
export type DerivedSketch = { averageBytes: number; bands: number[] }

/** Of an upload's row with `file_size`, `sketch_bins` and `sketch_distinct_bytes`; null without a sketch, or for one of nothing. */
export function derivedSketch(row: Row): DerivedSketch | null {
  const bins = column.bytesOrNull(row, 'sketch_bins')
  if (bins === null) return null
  const averageBytes = averageBytesOf(column.number(row, 'file_size'))
  const distinctBytes = column.number(row, 'sketch_distinct_bytes')
  const bands = bandsOf({ averageBytes, distinctBytes, bins })
  return bands.length > 0 ? { averageBytes, bands } : null
}
