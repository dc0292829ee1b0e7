import { BINS, type Sketch } from './sketch.ts'

export const BANDS = 8
const ROWS = 4

/**
 * Eight 32-bit signed integers, one for each band of four bins (locality-sensitive hashing: Broder 1997; Indyk and
 * Motwani 1998). Files with an equal one are candidates for being alike, so candidates come from ordinary indexed
 * integers, in eight columns or in one array: no integer of one band means the same in another. Of two files with the
 * resemblance J a share of 1 - (1 - J^4)^8 is found: of equal size and 95 % the same 99.99 %, 80 % 83 %, 50 % 9 %.
 * None for an empty file.
 */
export function bandsOf({ bins }: Sketch): number[] {
  if (bins.every((value) => value === 0)) return []
  return Array.from({ length: BANDS }, (_, band) => {
    let packed = 0
    for (let row = 0; row < ROWS; row++) {
      packed = (packed << 8) | filled(bins, (band * ROWS + row) * (BINS / BANDS / ROWS))
    }
    return Math.imul(packed ^ Math.imul(band + 1, 0x9e3779b1), 0x85ebca6b)
  })
}

/** The value of a bin or, where it is empty, of the next that is not (Shrivastava and Li, ICML 2014). */
function filled(bins: Uint8Array, bin: number): number {
  let at = bin
  while (bins[at] === 0) at = (at + 1) % BINS
  return bins[at] ?? 0
}
