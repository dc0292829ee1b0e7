import { noteStored } from '../chunks/ledger.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { type Ranges, rangesOf } from '../uploads/ranges.ts'
import { UPLOAD_COLUMNS, UPLOAD_DAYS, type Upload, uploadOf } from '../uploads/upload.ts'
import { usableStore } from '../uploads/usable-store.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { type CopySource, copyParts, type PartCopy } from './copy-parts.ts'

/** What became of the parts asked for: stored; to be uploaded; not reached in time, to be asked for again or uploaded. */
export type CopyResult = { uploadId: string; copied: Ranges; refused: Ranges; left: Ranges }

/** An open upload that parts are copied into, and the raw digests of its parts. */
export type Target = { upload: Upload; partDigests: Buffer }

/** Reads what `targetOf` takes, and counts as a sign of life. Runs under the account's lock. */
export function targetStatement(accountId: string, uploadId: string): SQL {
  return sql`
    WITH alive AS (
      UPDATE uploads SET expires_at = now() + make_interval(days => ${UPLOAD_DAYS}), updated_at = now()
      WHERE id = ${uploadId} AND account_id = ${accountId} AND state = 'open'
    )
    SELECT ${UPLOAD_COLUMNS}, u.part_digests FROM uploads u WHERE u.id = ${uploadId} AND u.account_id = ${accountId}`
}

/** @throws Problem `upload-closed` */
export function targetOf(row: Row): Target {
  const upload = uploadOf(row)
  if (upload.state === 'open') return { upload, partDigests: column.bytes(row, 'part_digests') }
  throw new Problem('upload-closed', `The upload is ${upload.state}; nothing can be added to it.`, {
    uploadStatus: upload.state,
  })
}

/**
 * Copies parts into an upload, as far as the time goes, and notes them for whoever watches it. Where parts cannot be copied
 * (a file of one part, a store that gives no digests of copies) all of them are refused. S3 as `copyParts`, Redis 1.
 *
 * @throws Problem `store-unavailable` where that kept every part
 */
export async function copyInto(
  { upload, partDigests }: Target,
  source: CopySource,
  { parts, deadlines }: { parts: PartCopy[]; deadlines: Deadlines },
): Promise<CopyResult> {
  const { id: uploadId, s3UploadId, checksum } = upload
  const { copyDigest } = await usableStore()
  if (s3UploadId === null || checksum !== 'sha256' || !copyDigest) {
    const all = rangesOf(parts.map(({ partNumber }) => partNumber))
    return { uploadId, copied: [], refused: all, left: [] }
  }
  const target = { upload, s3UploadId, partDigests }
  const { copied, refused, left } = await copyParts(target, source, { parts, deadlines })
  // Without Redis nobody watches; the store's listing says the same.
  await noteStored(
    uploadId,
    copied.map((partNumber) => partNumber - 1),
  )
  return {
    uploadId,
    copied: rangesOf(copied),
    refused: rangesOf(refused),
    left: rangesOf(left),
  }
}
