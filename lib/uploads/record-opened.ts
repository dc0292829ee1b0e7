import { withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { sql } from '../vendor/orm.js'
import { dropUnused, type Opened } from './open-at-store.ts'

/**
 * Records the S3 side of uploads, in one SQL round trip however many there are, or none where nothing is new. Where two
 * devices made one at the same time, the first recorded wins and the other is dropped at the store; so is one whose
 * upload was aborted meanwhile.
 *
 * @returns the uploads that are still open, with the S3 upload id that counts
 */
export async function recordOpened(accountId: string, opened: Opened[]): Promise<Opened[]> {
  const made = opened.filter(({ upload, s3UploadId }) => s3UploadId !== upload.s3UploadId)
  if (made.length === 0) return opened

  const counting = await recordFirst(accountId, made)
  const losers = made.filter(({ upload, s3UploadId }) => counting.get(upload.id) !== s3UploadId)
  await Promise.all(losers.map(dropUnused))
  return opened.flatMap((one) => {
    if (!made.includes(one)) return [one]
    const s3UploadId = counting.get(one.upload.id)
    return s3UploadId === undefined ? [] : [{ ...one, s3UploadId }]
  })
}

async function recordFirst(accountId: string, made: Opened[]): Promise<Map<string, string>> {
  const wanted = made.map(({ upload, s3UploadId }) => ({
    id: upload.id,
    before: upload.s3UploadId,
    after: s3UploadId,
  }))
  const [rows = []] = await withAccountLocked(accountId, [
    sql`
    WITH made AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS m(id uuid, before text, after text)
    )
    UPDATE uploads u
    SET s3_upload_id = CASE WHEN u.s3_upload_id IS NOT DISTINCT FROM m.before THEN m.after ELSE u.s3_upload_id END
    FROM made m WHERE u.id = m.id AND u.account_id = ${accountId} AND u.state = 'open'
    RETURNING u.id, u.s3_upload_id`,
  ])
  return new Map(rows.map((row) => [column.text(row, 'id'), column.text(row, 's3_upload_id')]))
}
