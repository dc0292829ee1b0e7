import { type Layout, layoutOf, partRange } from '../content/layout.ts'
import { type Row, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { type Deadlines, deadlinesFrom } from '../uploads/complete.ts'
import type { Upload } from '../uploads/upload.ts'
import { sql } from '../vendor/orm.js'
import type { CopySource, PartCopy } from './copy-parts.ts'
import type { CopyRun } from './fields.ts'
import { type CopyResult, copyInto, targetOf, targetStatement } from './target.ts'

/** Which parts of an upload to copy from where in which file. */
export type WantedCopies = { uploadId: string; fileId: string; parts: CopyRun[] }

/**
 * Copies parts of an open upload from a file of the same account, live or in the trash; what the ranges hold is the client's
 * guess, and its digest decides. SQL 1; S3 1 a part, 32 at once; Redis 1.
 *
 * @throws Problem `not-found`; `upload-closed`; `invalid-request` for parts that the upload does not have, twice the same
 * part, and ranges that the file does not have; `store-unavailable`
 */
export async function copyFromFile(
  accountId: string,
  { uploadId, fileId, parts: runs }: WantedCopies,
  deadlines: Deadlines = deadlinesFrom(Date.now()),
): Promise<CopyResult> {
  const [[uploadRow] = [], [fileRow] = []] = await withAccountLocked(accountId, [
    targetStatement(accountId, uploadId),
    sql`
    SELECT b.storage_key, b.etag, b.file_size FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
    WHERE f.id = ${fileId} AND f.account_id = ${accountId}`,
  ])
  if (!uploadRow || !fileRow)
    throw new Problem('not-found', 'There is no such upload or file in this account.')

  const target = targetOf(uploadRow)
  const source = sourceOf(fileRow)
  const parts = partsOf(target.upload, source, runs)
  return await copyInto(target, source, { parts, deadlines })
}

function sourceOf(row: Row): CopySource {
  return {
    storageKey: column.text(row, 'storage_key'),
    etag: column.text(row, 'etag'),
    fileSize: column.number(row, 'file_size'),
  }
}

function partsOf(upload: Upload, source: CopySource, runs: CopyRun[]): PartCopy[] {
  const layout = layoutOf(upload.fileSize)
  const parts = new Map<number, PartCopy>()
  for (const run of runs) {
    for (const part of partsOfRun(layout, run)) {
      const { partNumber, offset } = part
      if (parts.has(partNumber)) throw refusal(`part ${partNumber} stands there twice`)
      if (offset + partRange(layout, partNumber).length > source.fileSize)
        throw refusal(`the file has ${source.fileSize} bytes, too few for part ${partNumber}`)
      parts.set(partNumber, part)
    }
  }
  return [...parts.values()]
}

function partsOfRun({ partCount, partSize }: Layout, [first, last, baseOffset]: CopyRun) {
  if (last > partCount) throw refusal(`the upload has ${partCount} parts, no part ${last}`)
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    partNumber: first + index,
    offset: baseOffset + index * partSize,
  }))
}

function refusal(detail: string): Problem {
  const pointer = '/parts'
  return new Problem('invalid-request', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] })
}
