import type { SimilarFile } from '../client/wire-similar.ts'
import { type Column, tableLines } from './edges-table.ts'
import { thisTerminal } from './edges-terminal.ts'
import { usageError } from './exit.ts'
import { note, say, showBytes, showText } from './output.ts'

const SHARE = 0.95
/** The service looks for no less. */
const SHARE_MIN = 0.5

/** A stored file and how alike it is, in words. */
export type AlikeRow = { alike: string; file: SimilarFile }

/**
 * What `--threshold` says: `95%`, `95` or `0.95`; 0.95 where it says nothing.
 *
 * @throws a usage error for what is no share from 50 to 100 %
 */
export function thresholdOf(text: string | undefined): number {
  if (text === undefined) return SHARE
  const [, number, percent] = /^(\d+(?:\.\d+)?) ?(%?)$/.exec(text) ?? []
  const value = Number(number)
  const share = percent || value > 1 ? value / 100 : value
  if (share >= SHARE_MIN && share <= 1) return share
  throw usageError(`--threshold takes a share from 50% to 100%, not '${text}'.`)
}

/** A threshold for people: `95%`, `97.5%`. */
export function showThreshold(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`
}

/** An estimate for people: `97%`. Only a content id makes two files the same. */
export function showAlike(similarity: number): string {
  return similarity >= 0.995 ? '>99%' : `${Math.round(similarity * 100)}%`
}

/** A table of files; a null makes an empty line. */
export function sayAlike(rows: (AlikeRow | null)[]): void {
  const column = (title: string, text: (row: AlikeRow) => string): Column<AlikeRow | null> => ({
    title,
    text: (row) => (row ? text(row) : ''),
  })
  const columns = [
    { ...column('alike', ({ alike }) => alike), align: 'right' as const },
    { ...column('size', ({ file }) => showBytes(file.fileSize)), align: 'right' as const },
    column('id', ({ file }) => file.fileId),
    column('path', ({ file }) => showText(file.path)),
  ]
  for (const line of tableLines(columns, rows, thisTerminal())) say(line)
}

/** What such a list is worth. */
export function noteAdvice(): void {
  note(
    'Estimates, about two points either way; `same` is certain. Advice only: look before you delete.',
  )
}
