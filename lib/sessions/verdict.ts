import type { PathTiming } from '../edges/measurement.ts'
import { type SQL, sql } from '../vendor/orm.js'

export type Action = 'start' | 'progress' | 'complete' | 'fail'

/** What a client says, as the statements take it. Counts of chunks and bytes are absolute; null says nothing. */
export type Report = {
  action: Action
  sessionId: string
  /** Which upload: this one, else the open one of this content, else the session's. */
  uploadId: string | null
  content: { fileHash: string; fileSize: number } | null
  uploadVia: string | null
  threads: number
  edgesUsed: string[]
  chunksCompleted: number
  bytesUploaded: number | null
  /** The highest chunk that it names, -1 for none, and the most bytes of one. */
  lastChunk: number
  chunkBytesMax: number
  paths: PathTiming[]
  errorMessage: string | null
}

/** The status that an action leads to. */
export const TARGET_STATUS = {
  start: 'in_progress',
  progress: 'in_progress',
  complete: 'completed',
  fail: 'failed',
} as const satisfies Record<Action, string>

/**
 * What becomes of a report on upload `u` by session `s`, whose columns are null where there is none yet. `moved`; `same` for
 * the start of a session there is, or the ending that it has; `no-session`; or the slug of a refusal.
 */
export function verdict(report: Report): SQL {
  const { action, chunksCompleted, bytesUploaded, lastChunk, chunkBytesMax } = report
  const status = TARGET_STATUS[action]
  const [isStart, isComplete, isFail] = [
    action === 'start',
    action === 'complete',
    action === 'fail',
  ]
  // A part of several has at most size / (parts - 1) bytes: all but the last are of one size.
  return sql`CASE
    WHEN s.id IS NOT NULL AND (${isStart} OR (s.status = ${status} AND s.status <> 'in_progress')) THEN 'same'
    WHEN s.status <> 'in_progress' THEN 'session-closed'
    WHEN ${chunksCompleted}::bigint > u.part_count OR ${bytesUploaded}::bigint > u.file_size OR ${lastChunk}::bigint >= u.part_count
      OR ${chunkBytesMax}::bigint * greatest(1, u.part_count - 1) > u.file_size THEN 'progress-mismatch'
    WHEN ${isComplete} AND u.state IN ('open', 'completing') THEN 'parts-missing'
    WHEN u.state IN ('aborting', 'aborted') AND (s.id IS NULL OR NOT ${isFail}) THEN 'upload-closed'
    WHEN s.id IS NULL AND u.state = 'done' AND NOT ${isComplete} THEN 'upload-closed'
    WHEN s.id IS NULL THEN 'no-session'
    ELSE 'moved' END`
}

/** The account's upload `u` that a report is about, with its session `s`; more conditions may follow. */
export function fromUploadAndSession(accountId: string, report: Report): SQL {
  return sql`
    FROM uploads u LEFT JOIN upload_sessions s ON s.id = ${report.sessionId}::uuid AND s.upload_id = u.id
    WHERE u.account_id = ${accountId} AND u.id = (${uploadIdOf(accountId, report)})`
}

function uploadIdOf(accountId: string, { uploadId, content, sessionId }: Report): SQL {
  if (uploadId !== null) return sql`${uploadId}::uuid`
  const ofSession = sql`
    SELECT x.id FROM upload_sessions y JOIN uploads x ON x.id = y.upload_id
    WHERE y.id = ${sessionId}::uuid AND y.account_id = ${accountId}`
  if (content === null) return ofSession
  // A start that is repeated after its upload was done still finds its session.
  const isContent = sql`x.file_hash = ${content.fileHash} AND x.file_size = ${content.fileSize}::bigint`
  return sql`coalesce((${ofSession} AND ${isContent}), (
    SELECT x.id FROM uploads x WHERE x.account_id = ${accountId} AND ${isContent} AND x.state IN ('open', 'completing')))`
}
