import { randomUUID } from 'node:crypto'
import type { Account } from '../accounts/authenticate.ts'
import { countOf, membersOf, mergeRanges } from '../chunks/ranges.ts'
import { type Row, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import type { Position } from '../edges/distance.ts'
import { recordTimings } from '../edges/record-timings.ts'
import { Problem } from '../problem.ts'
import type { Ranges } from '../uploads/ranges.ts'
import { stateOf } from '../uploads/upload.ts'
import type { Timing } from './fields.ts'
import { sumTimings } from './paths.ts'
import { type Known, type Progress, progressOf } from './progress.ts'
import { refusalOf } from './refusal.ts'
import { makeStatement, reportStatement } from './statements.ts'
import type { Action, Report } from './verdict.ts'
import { noteReport } from './watch.ts'

/** What a client says of its session. An upload is named by its id, or by its content; else it is the session's. */
export type Said = {
  action: Action
  sessionId?: string | undefined
  uploadId?: string | undefined
  fileHash?: string | undefined
  fileSize?: number | undefined
  uploadVia?: string | undefined
  threads: number
  edgesUsed: string[]
  chunksCompleted?: number | undefined
  bytesUploaded?: number | undefined
  completed?: Ranges | undefined
  timings?: Timing[] | undefined
  errorMessage?: string | undefined
}

/** A session as its client sees it; `fileId` is the upload's id until there is a file, `estimatedTime` in seconds. */
export type SessionView = {
  sessionId: string
  uploadId: string
  fileId: string
  status: string
  chunksTotal: number
  chunksCompleted: number
  bytesUploaded: number
  estimatedTime: number | null
}

export type ReportAnswer = {
  session: SessionView
  progress: Progress
  reportAfterSeconds: number
}

/**
 * Begins a session, moves it on, or ends it. One conditional statement decides, under the account's lock, since a report
 * also prolongs its upload's life; a refused one changes nothing. SQL 1; Redis 1 for the ledger, and 2 more, at the same
 * time, for timings.
 *
 * @throws Problem `not-found`, `session-closed`, `upload-closed`, `parts-missing`, `progress-mismatch`
 */
export async function reportSession(
  account: Account,
  said: Said,
  position: Position | null,
): Promise<ReportAnswer> {
  const completed = mergeRanges(said.completed ?? [])
  const report = reportOf(said, completed)
  const row = await decide(account.id, report)
  const outcome = column.text(row, 'outcome')
  if (outcome !== 'moved' && outcome !== 'same') throw refusalOf(outcome, row, report)

  const known = knownOf(row)
  const isNews = outcome === 'moved' && known.state !== 'done'
  const upload = { id: column.text(row, 'id'), partCount: known.partCount }
  const [{ ledger, reportAfterSeconds }] = await Promise.all([
    noteReport(account.id, upload, isNews ? membersOf(completed) : []),
    outcome === 'moved' ? passOn({ accountId: account.id, position }, report, row) : null,
  ])
  const progress = progressOf(known, ledger)
  return { session: viewOf(row, known, progress), progress, reportAfterSeconds }
}

async function decide(accountId: string, report: Report): Promise<Row> {
  const { uploadId, content } = report
  const canMake = uploadId !== null || content !== null
  const results = await withAccountLocked(accountId, [
    ...(canMake ? [makeStatement(accountId, report)] : []),
    reportStatement(accountId, report),
  ])
  const [row] = results.at(-1) ?? []
  if (!row)
    throw new Problem('not-found', 'There is no such session or open upload in this account.')
  return row
}

function reportOf(said: Said, completed: Ranges): Report {
  const { action, threads, edgesUsed, fileHash, fileSize, timings = [] } = said
  const named = [completed.at(-1)?.[1] ?? -1, ...timings.map(({ chunkIndex }) => chunkIndex)]
  return {
    action,
    threads,
    edgesUsed,
    sessionId: said.sessionId ?? randomUUID(),
    uploadId: said.uploadId ?? null,
    content: fileHash !== undefined && fileSize !== undefined ? { fileHash, fileSize } : null,
    uploadVia: said.uploadVia ?? null,
    chunksCompleted: Math.max(said.chunksCompleted ?? 0, countOf(completed)),
    bytesUploaded: said.bytesUploaded ?? null,
    lastChunk: Math.max(...named),
    chunkBytesMax: Math.max(0, ...timings.map(({ bytes }) => bytes)),
    paths: sumTimings(timings),
    errorMessage: said.errorMessage ?? null,
  }
}

/** Only paths of the catalogue count. */
async function passOn(
  viewer: { accountId: string; position: Position | null },
  { paths }: Report,
  { counted }: Row,
): Promise<void> {
  const ids = new Set(Array.isArray(counted) ? counted.map(String) : [])
  const timings = paths.filter(({ edgeId }) => ids.has(edgeId))
  if (timings.length > 0) await recordTimings(viewer, timings)
}

function knownOf(row: Row): Known {
  return {
    fileSize: column.number(row, 'file_size'),
    partCount: column.number(row, 'part_count'),
    state: stateOf(column.text(row, 'state')),
    chunksReported: column.number(row, 'chunks_reported'),
    bytesReported: column.number(row, 'bytes_reported'),
    speed: column.number(row, 'speed'),
  }
}

function viewOf(row: Row, { partCount }: Known, { secondsLeft }: Progress): SessionView {
  const uploadId = column.text(row, 'id')
  return {
    sessionId: column.text(row, 'session_id'),
    uploadId,
    fileId: column.textOrNull(row, 'file_id') ?? uploadId,
    status: column.text(row, 'status_now'),
    chunksTotal: partCount,
    chunksCompleted: column.number(row, 'chunks_now'),
    bytesUploaded: column.number(row, 'bytes_now'),
    estimatedTime: secondsLeft,
  }
}
