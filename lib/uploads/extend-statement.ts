import { FILE_BYTES_MAX, SINGLE_PART_BYTES_MAX } from '../content/layout.ts'
import { uuidArray } from '../db/client.ts'
import { partLifetimeSeconds } from '../storage/sign-parts.ts'
import { type SQL, sql } from '../vendor/orm.js'
import type { PartsWanted } from './fields.ts'
import { LATE_PUT_SECONDS, UPLOAD_COLUMNS, UPLOAD_DAYS } from './upload.ts'

/** How long an upload may be written to; it counts for single PUTs, since ending a multipart upload ends its URLs. */
const SINGLE_PUT_SECONDS = partLifetimeSeconds(SINGLE_PART_BYTES_MAX) + LATE_PUT_SECONDS
const OTHER_SECONDS = partLifetimeSeconds(FILE_BYTES_MAX) + LATE_PUT_SECONDS
/** More signatures than one answer holds; their digests, 64 characters each, stay below Neon's 10 MiB. */
const PARTS_PER_SIGNING_MAX = 60_000

/**
 * Says how long open uploads may be written to before anything is signed for them, and keeps the MD5s for completion (md5
 * mode). Runs under the account's lock: what it did not extend must not be signed.
 */
export function extendStatement(accountId: string, wanted: readonly PartsWanted[]): SQL {
  const asked = wanted.map(({ uploadId, md5s }) => ({ id: uploadId, md5s: md5s ?? {} }))
  return sql`
    UPDATE uploads u
    SET urls_expire_at = greatest(u.urls_expire_at, now() + make_interval(secs => CASE WHEN u.part_count = 1 THEN ${SINGLE_PUT_SECONDS} ELSE ${OTHER_SECONDS} END::int)),
        expires_at = now() + make_interval(days => ${UPLOAD_DAYS}),
        part_md5s = CASE u.checksum WHEN 'md5' THEN u.part_md5s || asked.md5s ELSE u.part_md5s END, updated_at = now()
    FROM jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) AS asked(id uuid, md5s jsonb)
    WHERE u.id = asked.id AND u.account_id = ${accountId} AND u.state = 'open'`
}

/** The uploads as they are now; `part_digests` is null where those before it have as many parts as one answer holds. */
export function describeToSign(accountId: string, uploadIds: readonly string[]): SQL {
  return sql`
    SELECT ${UPLOAD_COLUMNS},
      CASE WHEN sum(u.part_count) OVER (ORDER BY asked.n) <= ${PARTS_PER_SIGNING_MAX} THEN u.part_digests END AS part_digests
    FROM unnest(${uuidArray(uploadIds)}::uuid[]) WITH ORDINALITY AS asked(id, n)
    JOIN uploads u ON u.id = asked.id AND u.account_id = ${accountId}`
}
