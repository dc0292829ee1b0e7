import { randomUUID } from 'node:crypto'
import type { Account } from '../accounts/authenticate.ts'
import { withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { activeEdges, edgesOf } from '../edges/catalogue.ts'
import type { Position } from '../edges/distance.ts'
import { type Offer, offerEdges } from '../edges/offer.ts'
import { readStanding } from '../edges/standing.ts'
import { Problem } from '../problem.ts'
import { type Allowance, allowanceOf, allowanceStatement } from '../quota/allowance.ts'
import { presignDownload } from '../storage/download.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { FILE_COLUMNS, type FileView, fileOf } from './file.ts'

const URL_SECONDS = 300
const FREE_SECONDS_MIN = 15 * 60
const FREE_SECONDS_MAX = 24 * 3600
/** The client's line is expected to be at least this fast; twice the time it takes is free to sign again. */
const EXPECTED_BYTES_PER_SECOND = 10_000_000 / 8

export type Download = { url: string; downloadId: string; expiresInSeconds: number } & Pick<
  FileView,
  'fileId' | 'fileSize' | 'fileHash' | 'fileName' | 'verified'
> &
  Offer

/**
 * Grants a download: a URL of 5 minutes, forced to `attachment`. Counts the file once against the month's bandwidth;
 * under the same `downloadId` signing again is free for a while. SQL 1 and Redis 1 at once, S3 0.
 *
 * @throws Problem `not-found`, `bandwidth-exceeded`
 */
export async function grantDownload(
  account: Account,
  { fileId, downloadId }: { fileId: string; downloadId: string | undefined },
  position: Position | null,
): Promise<Download> {
  const [[allowanceRows = [], edgeRows = [], [row] = []], standing] = await Promise.all([
    withAccountLocked(account.id, [
      allowanceStatement(account.id),
      activeEdges(),
      grantStatement(account.id, fileId, downloadId ?? null),
    ]),
    readStanding({ accountId: account.id, position }),
  ])
  if (!row) throw new Problem('not-found', 'There is no such file in this account.')

  const file = fileOf(row)
  const allowance = allowanceOf(allowanceRows)
  const granted = column.textOrNull(row, 'download_id')
  if (granted === null) throw bandwidthExceeded(allowance, file.fileSize)

  const { fileName, contentType, fileSize, fileHash, verified } = file
  const key = column.text(row, 'storage_key')
  const url = await presignDownload(key, { fileName, contentType, expiresInSeconds: URL_SECONDS })
  const known = { allowance, edges: edgesOf(edgeRows), standing, position }
  return {
    url,
    downloadId: granted,
    expiresInSeconds: URL_SECONDS,
    fileId,
    fileSize,
    fileHash,
    fileName,
    verified,
    ...offerEdges(account, fileSize, known),
  }
}

/** A known download that is still free needs no room; otherwise one conditional statement takes it. */
function grantStatement(accountId: string, fileId: string, downloadId: string | null): SQL {
  const month = sql`date_trunc('month', now() AT TIME ZONE 'UTC')::date`
  return sql`
    WITH wanted AS (
      SELECT ${FILE_COLUMNS}, b.storage_key, b.id AS blob_id,
        least(${FREE_SECONDS_MAX}, greatest(${FREE_SECONDS_MIN}, 2 * f.size_bytes / ${EXPECTED_BYTES_PER_SECOND}))::int AS free_seconds
      FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
      WHERE f.account_id = ${accountId} AND f.id = ${fileId} AND f.trashed_at IS NULL
    ), known AS (
      SELECT d.id FROM downloads d JOIN wanted ON wanted.blob_id = d.blob_id
      WHERE d.id = ${downloadId} AND d.account_id = ${accountId} AND d.free_until > now()
    ), counted AS (
      INSERT INTO storage_usage AS u (account_id, period_start, bandwidth_bytes, downloads)
      SELECT ${accountId}, ${month}, wanted.size_bytes, 1
      FROM wanted CROSS JOIN agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier
      WHERE a.id = ${accountId} AND NOT EXISTS (SELECT 1 FROM known) AND t.bandwidth_quota_bytes >= wanted.size_bytes + coalesce((
        SELECT bandwidth_bytes FROM storage_usage WHERE account_id = ${accountId} AND period_start = ${month}), 0)
      ON CONFLICT (account_id, period_start)
      DO UPDATE SET bandwidth_bytes = u.bandwidth_bytes + excluded.bandwidth_bytes, downloads = u.downloads + 1, updated_at = now()
      RETURNING account_id
    ), granted AS (
      INSERT INTO downloads (id, account_id, blob_id, bytes, free_until)
      SELECT ${randomUUID()}, ${accountId}, wanted.blob_id, wanted.size_bytes, now() + make_interval(secs => wanted.free_seconds)
      FROM wanted CROSS JOIN counted
      RETURNING id
    )
    SELECT wanted.*, coalesce((SELECT id FROM known), (SELECT id FROM granted)) AS download_id FROM wanted`
}

function bandwidthExceeded(
  { tier, bandwidthQuotaBytes, bandwidthUsedBytes }: Allowance,
  neededBytes: number,
): Problem {
  const detail =
    neededBytes > bandwidthQuotaBytes
      ? `${neededBytes} bytes are more than tier ${tier} has in a month (${bandwidthQuotaBytes}); a higher tier has more.`
      : `${neededBytes} bytes do not fit what tier ${tier} has left this month; it starts anew on the first (UTC).`
  return new Problem('bandwidth-exceeded', detail, {
    bandwidthQuotaBytes,
    bandwidthUsedBytes,
    neededBytes,
  })
}
