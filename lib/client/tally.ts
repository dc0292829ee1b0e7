import { partRange } from '../content/layout.ts'
import type { Run } from './run.ts'
import type { Transfer } from './transfer.ts'

/** The bytes of some parts. */
export function sizeOf({ first }: Transfer, partNumbers: number[]): number {
  return partNumbers.reduce((sum, number) => sum + partRange(first.layout, number).length, 0)
}

/** So many bytes more are at the store without having been sent by this run. */
export function account(run: Run, transfer: Transfer, bytes: number): void {
  transfer.first.accountedBytes += bytes
  run.meter.skipped(bytes)
}

/** Of what is at the store, so many bytes more are copies. */
export function countCopies(run: Run, transfer: Transfer, bytes: number): void {
  transfer.first.copiedBytes += bytes
  run.meter.copied(bytes)
}
