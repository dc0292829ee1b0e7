import { BANDS } from '../content/bands.ts'
import { emitStatement } from '../events/emit.ts'
import { type SQL, sql } from '../vendor/orm.js'
import type { DerivedSketch } from './sketch.ts'

/** An upload that the store has finished; `sketch` where its client declared one. */
export type Finished = {
  id: string
  etag: string
  verified: boolean
  sketch?: DerivedSketch | null
}

const COMPLETED = sql`
  SELECT account_id, jsonb_build_object('uploadId', id, 'fileHash', file_hash, 'fileSize', file_size, 'files', (
    SELECT coalesce(jsonb_agg(jsonb_build_object('fileId', file_id, 'path', path) ORDER BY path), '[]')
    FROM became WHERE upload_id = finished.id)) AS data
  FROM finished`

/** The columns `band1` to `band8`. */
const BAND_VALUES = sql.join(
  Array.from({ length: BANDS }, (_, index) => sql`(u.bands->>${index}::int)::int`),
  sql`, `,
)

/**
 * Turns finished uploads into files: one blob each, with its manifest's length and its sketch; a file per target (replacing
 * what had the path, unless the target is `ifNew`); the reservation of every target and manifest into usage;
 * `completing` into `done`. Whether the manifest is there nobody asks. Runs under the account's lock; an
 * upload that is not `completing` any more is left alone. Of two uploads onto one path the younger stays that is not refused.
 * Each upload is an event with the files that it became. Gives `has_events`: whether somebody listens.
 */
export function settleStatement(accountId: string, finished: Finished[]): SQL {
  return sql`
    WITH finished AS (
      SELECT u.*, f.etag, f.verified, (f.sketch->>'averageBytes')::int AS average_bytes, f.sketch->'bands' AS bands
      FROM jsonb_to_recordset(${JSON.stringify(finished)}::jsonb) AS f(id uuid, etag text, verified boolean, sketch jsonb)
      JOIN uploads u ON u.id = f.id AND u.account_id = ${accountId} AND u.state = 'completing'
    ), stored AS (
      INSERT INTO file_hashes (account_id, file_hash, file_size, storage_key, etag, verified, manifest_bytes)
      SELECT account_id, file_hash, file_size, storage_key, etag, verified, manifest_bytes FROM finished
      RETURNING id, storage_key
    ), sketched AS (
      INSERT INTO blob_sketches (blob_id, account_id, average_bytes, distinct_bytes, bins,
                                 band1, band2, band3, band4, band5, band6, band7, band8)
      SELECT s.id, u.account_id, u.average_bytes, u.sketch_distinct_bytes, u.sketch_bins, ${BAND_VALUES}
      FROM finished u JOIN stored s ON s.storage_key = u.storage_key WHERE u.bands IS NOT NULL
    ), targets AS (
      SELECT t.upload_id, t.path, t.content_type, t.if_new, u.file_size, u.uploaded_via, s.id AS blob_id,
        f.size_bytes AS old_size, f.blob_id AS old_blob_id, t.if_new AND f.id IS NOT NULL AS refused,
        row_number() OVER (PARTITION BY t.path, t.if_new AND f.id IS NOT NULL ORDER BY u.created_at DESC, u.id) AS rank
      FROM finished u
      JOIN stored s ON s.storage_key = u.storage_key
      JOIN upload_targets t ON t.upload_id = u.id
      LEFT JOIN agentcache_assets f ON f.account_id = ${accountId} AND f.path = t.path AND f.trashed_at IS NULL
    ), winning AS (
      SELECT * FROM targets WHERE rank = 1 AND NOT refused
    ), placed AS (
      INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
      SELECT ${accountId}::uuid, blob_id, path, file_size, content_type, uploaded_via FROM winning
      ON CONFLICT (account_id, path) WHERE trashed_at IS NULL
      DO UPDATE SET blob_id = excluded.blob_id, size_bytes = excluded.size_bytes, content_type = excluded.content_type,
        uploaded_via = excluded.uploaded_via, updated_at = now()
      RETURNING id, path
    ), released AS (
      UPDATE file_hashes SET last_referenced_at = now() WHERE id IN (SELECT old_blob_id FROM winning)
    ), became AS (
      SELECT x.upload_id, x.path, placed.id AS file_id FROM targets x JOIN placed ON placed.path = x.path
      WHERE NOT x.refused AND (x.rank = 1 OR NOT x.if_new)
    ), noted AS (
      UPDATE upload_targets t SET file_id = became.file_id
      FROM became WHERE t.upload_id = became.upload_id AND t.path = became.path
    ), told AS (
      ${emitStatement('upload.completed', COMPLETED)}
    ), done AS (
      UPDATE uploads u
      SET state = 'done', blob_id = s.id, completed_at = now(), completing_since = NULL, part_digests = '',
        part_md5s = '{}', sketch_bins = NULL, updated_at = now()
      FROM finished f JOIN stored s ON s.storage_key = f.storage_key
      WHERE u.id = f.id
    )
    UPDATE agentcache_accounts
    SET storage_reserved_bytes = storage_reserved_bytes
          - (SELECT coalesce(sum(file_size), 0)::bigint FROM targets)
          - (SELECT coalesce(sum(manifest_bytes), 0)::bigint FROM finished),
        storage_used_bytes = storage_used_bytes
          + (SELECT coalesce(sum(file_size - coalesce(old_size, 0)), 0)::bigint FROM winning)
          + (SELECT coalesce(sum(manifest_bytes), 0)::bigint FROM finished),
        updated_at = now()
    WHERE id = ${accountId}
    RETURNING EXISTS (SELECT FROM told) AS has_events`
}
