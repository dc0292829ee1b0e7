import { MANIFEST_URL_SECONDS } from '../storage/sign-manifest.ts'
import { partLifetimeSeconds } from '../storage/sign-parts.ts'
import { type SQL, sql } from '../vendor/orm.js'
import type { Content } from './content.ts'
import type { NewFile } from './fields.ts'
import { manifestToKeep } from './manifest.ts'
import { type ChecksumMode, LATE_PUT_SECONDS, UPLOAD_DAYS } from './upload.ts'

/** A file of a start, with the ids that a new upload of it would get. */
export type Candidate = NewFile & Content & { uploadId: string; storageKey: string }

/** A content, and where a clone of it would go; it takes the content type of the file that it is a clone of. */
export type CloneCandidate = Pick<NewFile, 'path' | 'fileHash' | 'fileSize' | 'ifNew'>

const ANY_TYPE = 'application/octet-stream'
const MANIFEST_SECONDS = MANIFEST_URL_SECONDS + LATE_PUT_SECONDS

/** `opens`: what is not stored is opened, joined or resumed; else it is a `miss`. */
type Mode = { checksum: ChecksumMode | null; uploadVia: string; opens: boolean }

/** The type of the file that a clone is made of: a live one before one in the trash, the newest first. */
const INHERITED_TYPE = sql`(SELECT f.content_type FROM agentcache_assets f WHERE f.blob_id = decided.blob_id
  ORDER BY f.trashed_at IS NOT NULL, f.updated_at DESC, f.id LIMIT 1)`

/**
 * The one statement that decides a batch; it runs under the account's lock. `fold` takes the files in order and admits
 * each that still fits; `charged` is the conditional update, and without its row nothing is inserted. Each clone that is
 * placed leaves a row of what it saved. The manifest of a new upload is reserved with it, once, where it fits when all
 * files have what they need.
 *
 * Rows in the order of the candidates: `outcome` is `clone`, `new`, `join` (open upload, new path), `resume` (open upload,
 * known path), or the slug of a refusal; with the upload's columns or the clone's file id. `takes_manifest`: the upload
 * has a place for the manifest that this file declares.
 */
export function decideStatement(
  accountId: string,
  candidates: Candidate[],
  options: { checksum: ChecksumMode; uploadVia: string },
): SQL {
  const wanted = candidates.map((candidate) => {
    const manifest = manifestToKeep(candidate, options.checksum)
    return {
      ...placeOf(candidate),
      content_type: candidate.contentType,
      new_id: candidate.uploadId,
      storage_key: candidate.storageKey,
      part_count: candidate.partCount,
      digests: candidate.partDigests.toString('base64'),
      lifetime: partLifetimeSeconds(candidate.fileSize) + LATE_PUT_SECONDS,
      manifest_bytes: manifest?.bytes,
      manifest_digest: manifest?.sha256,
      sketch_bins: candidate.sketch?.bins,
      sketch_distinct_bytes: candidate.sketch?.distinctBytes,
    }
  })
  return statement(accountId, wanted, { ...options, opens: true })
}

/**
 * The same decision, by the same statement, about clones alone: what the account does not store is a `miss`, whatever has
 * its path, and nothing is opened or reserved. Other outcomes: `clone`, or the slug of a refusal.
 */
export function decideClonesStatement(
  accountId: string,
  candidates: CloneCandidate[],
  uploadVia: string,
): SQL {
  return statement(accountId, candidates.map(placeOf), { checksum: null, uploadVia, opens: false })
}

function placeOf({ path, fileHash, fileSize, ifNew }: CloneCandidate) {
  return { path, hash: fileHash, size: fileSize, if_new: ifNew }
}

function statement(accountId: string, files: object[], { checksum, uploadVia, opens }: Mode): SQL {
  const wanted = files.map((file, index) => ({ n: index + 1, ...file }))
  return sql`
    WITH RECURSIVE wanted AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS w(
        n int, path text, hash text, size bigint, content_type text, if_new boolean, new_id uuid, storage_key text,
        part_count int, digests text, lifetime int, manifest_bytes bigint, manifest_digest text, sketch_bins text,
        sketch_distinct_bytes bigint)
    ), account AS (
      SELECT a.storage_used_bytes + a.storage_reserved_bytes AS taken, t.storage_quota_bytes AS quota, t.file_bytes_max
      FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier WHERE a.id = ${accountId}
    ), known AS (
      SELECT w.*, f.id AS file_id, f.blob_id AS old_blob_id, f.size_bytes AS old_size, b.id AS blob_id, b.verified,
        coalesce(u.id, w.new_id) AS upload_id, u.id AS found_id,
        CASE
          WHEN b.id IS NULL AND NOT ${opens} THEN 'miss'
          WHEN w.if_new AND f.id IS NOT NULL THEN 'path-taken'
          WHEN t.upload_id IS NOT NULL AND ${opens} THEN 'resume'
          WHEN w.size > account.quota THEN 'quota-exceeded'
          WHEN w.size > account.file_bytes_max THEN 'too-large'
          WHEN b.id IS NOT NULL THEN 'clone'
          WHEN u.id IS NOT NULL THEN 'join'
          ELSE 'new'
        END AS verdict
      FROM wanted w CROSS JOIN account
      LEFT JOIN agentcache_assets f ON f.account_id = ${accountId} AND f.path = w.path AND f.trashed_at IS NULL
      LEFT JOIN file_hashes b
        ON b.account_id = ${accountId} AND b.file_hash = w.hash AND b.file_size = w.size AND b.state = 'live'
      LEFT JOIN uploads u ON u.account_id = ${accountId} AND u.file_hash = w.hash AND u.file_size = w.size
        AND u.state IN ('open', 'completing')
      LEFT JOIN upload_targets t ON t.upload_id = u.id AND t.path = w.path
    ), priced AS (
      SELECT known.*, CASE verdict
          WHEN 'clone' THEN CASE WHEN old_blob_id = blob_id THEN 0 ELSE size - coalesce(old_size, 0) END
          WHEN 'join' THEN size WHEN 'new' THEN size ELSE 0 END AS cost
      FROM known
    ), fold(n, taken, fits) AS (
      SELECT 0, account.taken::bigint, true FROM account
      UNION ALL
      SELECT p.n, CASE WHEN fit.yes THEN fold.taken + p.cost ELSE fold.taken END, fit.yes
      FROM fold JOIN priced p ON p.n = fold.n + 1 CROSS JOIN account
        CROSS JOIN LATERAL (SELECT p.cost <= 0 OR fold.taken + p.cost <= account.quota AS yes) fit
    ), admitted AS (
      SELECT p.*, CASE WHEN fold.fits THEN p.verdict ELSE 'quota-exceeded' END AS outcome
      FROM priced p JOIN fold ON fold.n = p.n
    ), described AS (
      SELECT *, CASE WHEN outcome = 'new' AND row_number() OVER (PARTITION BY new_id, outcome ORDER BY n) = 1
        THEN coalesce(manifest_bytes, 0) ELSE 0 END AS manifest_cost
      FROM admitted
    ), decided AS (
      SELECT d.*, CASE WHEN (SELECT taken FROM fold ORDER BY n DESC LIMIT 1) + sum(manifest_cost) OVER (ORDER BY n) <= account.quota
        THEN manifest_cost ELSE 0 END AS manifest_kept
      FROM described d CROSS JOIN account
    ), charged AS (
      UPDATE agentcache_accounts a
      SET storage_used_bytes = a.storage_used_bytes + sums.used, storage_reserved_bytes = a.storage_reserved_bytes + sums.reserved,
          updated_at = now()
      FROM account, (
        SELECT coalesce(sum(cost) FILTER (WHERE outcome = 'clone'), 0)::bigint AS used,
               coalesce(sum(cost + manifest_kept) FILTER (WHERE outcome IN ('join', 'new')), 0)::bigint AS reserved
        FROM decided) sums
      WHERE a.id = ${accountId} AND (sums.used + sums.reserved <= 0
        OR a.storage_used_bytes + a.storage_reserved_bytes + sums.used + sums.reserved <= account.quota)
      RETURNING a.id
    ), opened AS (
      INSERT INTO uploads (id, account_id, file_hash, file_size, part_count, checksum, storage_key, part_digests,
                           uploaded_via, urls_expire_at, expires_at, manifest_bytes, manifest_digest,
                           manifest_url_expires_at, sketch_bins, sketch_distinct_bytes)
      SELECT DISTINCT ON (new_id) new_id, charged.id, hash, size, part_count, ${checksum}, storage_key,
        decode(digests, 'base64'), ${uploadVia}, now() + make_interval(secs => lifetime),
        now() + make_interval(days => ${UPLOAD_DAYS}), manifest_kept,
        CASE WHEN manifest_kept > 0 THEN decode(manifest_digest, 'base64') END,
        CASE WHEN manifest_kept > 0 THEN now() + make_interval(secs => ${MANIFEST_SECONDS}) END,
        decode(sketch_bins, 'base64'), sketch_distinct_bytes
      FROM decided CROSS JOIN charged WHERE outcome = 'new' ORDER BY new_id, n
      RETURNING *
    ), found AS (
      UPDATE uploads u
      SET urls_expire_at = greatest(u.urls_expire_at, now() + make_interval(secs => d.lifetime)),
          expires_at = now() + make_interval(days => ${UPLOAD_DAYS}), updated_at = now(),
          manifest_url_expires_at = CASE WHEN u.manifest_bytes > 0 AND d.wants_manifest
            THEN greatest(u.manifest_url_expires_at, now() + make_interval(secs => ${MANIFEST_SECONDS}))
            ELSE u.manifest_url_expires_at END
      FROM (SELECT found_id, lifetime, bool_or(manifest_bytes > 0) AS wants_manifest
            FROM decided WHERE outcome IN ('join', 'resume') GROUP BY found_id, lifetime) d
      WHERE u.id = d.found_id
      RETURNING u.*
    ), targeted AS (
      INSERT INTO upload_targets (upload_id, path, content_type, if_new)
      SELECT upload_id, path, content_type, if_new FROM decided CROSS JOIN charged WHERE outcome IN ('new', 'join', 'resume')
      ON CONFLICT (upload_id, path) DO UPDATE SET content_type = excluded.content_type, if_new = excluded.if_new
    ), placed AS (
      INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
      SELECT charged.id, blob_id, path, size, coalesce(content_type, ${INHERITED_TYPE}, ${ANY_TYPE}), ${uploadVia}
      FROM decided CROSS JOIN charged WHERE outcome = 'clone'
      ON CONFLICT (account_id, path) WHERE trashed_at IS NULL
      DO UPDATE SET blob_id = excluded.blob_id, size_bytes = excluded.size_bytes, content_type = excluded.content_type,
        uploaded_via = excluded.uploaded_via, updated_at = now()
      RETURNING id, path, content_type
    ), saved AS (
      INSERT INTO user_file_references (account_id, file_hash, path, saved_bytes)
      SELECT charged.id, hash, path, size FROM decided CROSS JOIN charged WHERE outcome = 'clone'
    ), released AS (
      UPDATE file_hashes SET last_referenced_at = now()
      WHERE id IN (SELECT old_blob_id FROM decided WHERE outcome = 'clone' AND old_blob_id <> blob_id)
    ), open_now AS (
      SELECT * FROM opened UNION ALL SELECT * FROM found
    )
    SELECT d.n, d.outcome, d.size, d.verified, d.file_id AS taken_by, p.id AS placed_file_id, p.content_type AS placed_type,
      d.found_id IS NULL AS is_new, u.id, u.account_id, u.file_hash, u.file_size, u.part_count, u.checksum, u.storage_key, u.s3_upload_id, u.state,
      u.urls_expire_at, u.manifest_bytes, u.manifest_url_expires_at, u.created_at, u.expires_at,
      coalesce(u.manifest_bytes = d.manifest_bytes AND u.manifest_digest = decode(d.manifest_digest, 'base64'), false) AS takes_manifest
    FROM decided d
    LEFT JOIN placed p ON p.path = d.path AND d.outcome = 'clone'
    LEFT JOIN open_now u ON u.id = d.upload_id AND d.outcome IN ('new', 'join', 'resume')
    ORDER BY d.n`
}
