import { type Row, uuidArray } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem, type ProblemDocument } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'

const RETRY_SECONDS = 2

/** Where the content of a completed upload went: a file, or `path-taken` where `ifNew` refused. */
export type PlacedTarget =
  | { path: string; fileId: string }
  | { path: string; problem: ProblemDocument }

export type CompleteResult =
  | {
      uploadId: string
      status: 'stored'
      fileHash: string
      fileSize: number
      verified: boolean
      files: PlacedTarget[]
    }
  | { uploadId: string; status: 'completing'; retryAfterSeconds: number }
  | { uploadId: string; problem: ProblemDocument }

/** Reads what uploads became, in whatever round trip is under way. */
export function describeStatement(accountId: string, uploadIds: string[]): SQL {
  return sql`
    SELECT u.id, u.state, u.file_hash, u.file_size, coalesce(b.verified, u.checksum = 'sha256') AS verified,
      (SELECT jsonb_agg(jsonb_build_object('path', t.path, 'fileId', t.file_id) ORDER BY t.path)
       FROM upload_targets t WHERE t.upload_id = u.id) AS targets
    FROM uploads u LEFT JOIN file_hashes b ON b.id = u.blob_id
    WHERE u.account_id = ${accountId} AND u.id = ANY(${uuidArray(uploadIds)}::uuid[])`
}

/**
 * The answers for the rows of `describeStatement`, in the order asked. `problems` are those of this call; an upload that
 * somebody else finished meanwhile is stored all the same.
 */
export function answersOf(
  uploadIds: string[],
  rows: Row[],
  problems: Map<string, Problem | undefined>,
): CompleteResult[] {
  const byId = new Map(rows.map((row) => [column.text(row, 'id'), row]))
  return uploadIds.map((uploadId) => {
    const row = byId.get(uploadId)
    if (!row) return { uploadId, problem: notFound().document() }
    return answerOf(uploadId, row, problems.get(uploadId))
  })
}

function answerOf(uploadId: string, row: Row, problem: Problem | undefined): CompleteResult {
  const state = column.text(row, 'state')
  if (state === 'done') {
    const fileHash = column.text(row, 'file_hash')
    const fileSize = column.number(row, 'file_size')
    const verified = column.boolean(row, 'verified')
    return { uploadId, status: 'stored', fileHash, fileSize, verified, files: placedTargets(row) }
  }
  if (state === 'aborting' || state === 'aborted')
    return { uploadId, problem: closed(state).document() }
  if (problem) return { uploadId, problem: problem.document() }
  return { uploadId, status: 'completing', retryAfterSeconds: RETRY_SECONDS }
}

function placedTargets(row: Row): PlacedTarget[] {
  return column.targets(row, 'targets').map(({ path, fileId }) => {
    if (fileId !== null) return { path, fileId }
    const taken = new Problem(
      'path-taken',
      'A file had this path already, and ifNew was asked for.',
    )
    return { path, problem: taken.document() }
  })
}

function notFound(): Problem {
  return new Problem('not-found', 'There is no such upload in this account.')
}

function closed(state: string): Problem {
  return new Problem('upload-closed', `The upload is ${state}; start again.`, {
    uploadStatus: state,
  })
}
