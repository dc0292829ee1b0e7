import { redis, tryRedis } from '../redis/client.ts'
import type { ChunkWord } from './fields.ts'
import { decodeNote, encodeNote, type Note } from './note.ts'

/** Kept for so long after the last word. */
const LEDGER_SECONDS = 7 * 24 * 3600
/** A field beside the notes, set once the store's own listing was taken in. */
const WHOLE = 'whole'

/** Two texts instead of 30,000: a list is as slow to read as it is long. No note has a line break (JSON). */
const READ_LEDGER = `return {
  table.concat(redis.call('SMEMBERS', KEYS[1]), '\\n'), table.concat(redis.call('HGETALL', KEYS[2]), '\\n')}`

type LedgerOf = { id: string; partCount: number }
type Pipeline = ReturnType<typeof redis.pipeline>

/** How many distinct chunks are completed, and whether the last one, which may be shorter, is among them. */
export type LedgerCount = { completed: number; isLastCompleted: boolean }

/** `isWhole`: since it was begun, the store was asked what it has. */
export type Ledger = { isWhole: boolean; completed: Set<number>; notes: Map<number, Note> }

/*
 * Two keys for each upload. What counts is a set of chunk indexes that only ever grows, so no retry, race or late word
 * takes a completed chunk back. A hash beside it has the details: under the index what was said last of a chunk that is
 * not completed, under the index and "!" what was said when it was.
 */

/**
 * Takes words about an upload's chunks into its ledger, all at once. Redis 1.
 *
 * @returns the count afterwards and whether the first of the chunks is completed; null without Redis
 */
export async function writeLedger(
  { id, partCount }: LedgerOf,
  words: ChunkWord[],
): Promise<(LedgerCount & { isFirstCompleted: boolean }) | null> {
  const completed = words.filter(isCompleted).map(({ chunkIndex }) => chunkIndex)
  const at = Date.now()
  const notes = words.map((word) => [fieldOf(word), encodeNote(word, at)] as const)
  const answers = await tryRedis(() => {
    const pipeline = redis.pipeline()
    pipeline.hset(notesKey(id), Object.fromEntries(notes))
    if (completed.length > 0) pipeline.hdel(notesKey(id), ...completed.map(String))
    pipeline.expire(notesKey(id), LEDGER_SECONDS)
    addCompleted(pipeline, id, completed)
    askCount(pipeline, { id, partCount })
    pipeline.sismember(doneKey(id), words[0]?.chunkIndex ?? -1)
    return pipeline.exec<unknown[]>()
  })
  if (answers === null) return null
  const [count, last, first] = answers.slice(-3)
  return { ...countOf(count, last), isFirstCompleted: first === 1 }
}

/** Adds to a pipeline: chunks that are completed. */
export function addCompleted(pipeline: Pipeline, uploadId: string, chunkIndexes: number[]): void {
  const [first, ...others] = chunkIndexes
  if (first === undefined) return
  pipeline.sadd(doneKey(uploadId), first, ...others)
  pipeline.expire(doneKey(uploadId), LEDGER_SECONDS)
}

/** Adds to a pipeline two questions whose answers `countOf` reads. */
export function askCount(pipeline: Pipeline, { id, partCount }: LedgerOf): void {
  pipeline.scard(doneKey(id))
  pipeline.sismember(doneKey(id), partCount - 1)
}

export function countOf(completed: unknown, isLast: unknown): LedgerCount {
  return { completed: Number(completed), isLastCompleted: isLast === 1 }
}

/** The whole ledger of an upload; empty where nothing was said, null without Redis. Redis 1. */
export async function readLedger(uploadId: string): Promise<Ledger | null> {
  const keys = [doneKey(uploadId), notesKey(uploadId)]
  const answer = await tryRedis(() => redis.eval<[], unknown>(READ_LEDGER, keys, []))
  if (!Array.isArray(answer)) return null

  const [members, fields] = answer.map((text) => (text === '' ? [] : String(text).split('\n')))
  const completed = new Set(members?.map(Number))
  const texts = pairsOf(fields ?? [])
  return { isWhole: texts.has(WHOLE), completed, notes: notesOf(texts, completed) }
}

/** Notes chunks that the store has, without a word of a client. Redis 1, none for no chunk. */
export async function noteStored(uploadId: string, chunkIndexes: number[]): Promise<void> {
  if (chunkIndexes.length === 0) return
  await tryRedis(() => {
    const pipeline = redis.pipeline()
    addCompleted(pipeline, uploadId, chunkIndexes)
    return pipeline.exec()
  })
}

/** Takes the store's own listing into the ledger. Redis 1. */
export async function fillLedger(uploadId: string, chunkIndexes: number[]): Promise<void> {
  await tryRedis(() => {
    const pipeline = redis.pipeline()
    addCompleted(pipeline, uploadId, chunkIndexes)
    pipeline.hset(notesKey(uploadId), { [WHOLE]: '1' })
    pipeline.expire(notesKey(uploadId), LEDGER_SECONDS)
    return pipeline.exec()
  })
}

/** Fields and values in turn, as Redis has them. */
function pairsOf(list: string[]): Map<string, string> {
  const pairs = new Map<string, string>()
  for (let at = 0; at < list.length; at += 2) pairs.set(list[at] ?? '', list[at + 1] ?? '')
  return pairs
}

function notesOf(texts: Map<string, string>, completed: Set<number>): Map<number, Note> {
  const notes = new Map<number, Note>()
  for (const [field, text] of texts) {
    const chunkIndex = Number.parseInt(field, 10)
    const note = field.endsWith('!') === completed.has(chunkIndex) ? decodeNote(text) : null
    if (note) notes.set(chunkIndex, note)
  }
  return notes
}

function isCompleted({ status }: ChunkWord): boolean {
  return status === 'completed'
}

function fieldOf(word: ChunkWord): string {
  return isCompleted(word) ? `${word.chunkIndex}!` : `${word.chunkIndex}`
}

function doneKey(uploadId: string): string {
  return `jetty:chunks:${uploadId}:done`
}

function notesKey(uploadId: string): string {
  return `jetty:chunks:${uploadId}`
}
