import {
  bigint,
  boolean,
  check,
  customType,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  sql,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from '../lib/vendor/schema.js'

const bytes = (name: string) => bigint(name, { mode: 'number' })
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'string' })
const createdAt = () => instant('created_at').notNull().defaultNow()
const updatedAt = () => instant('updated_at').notNull().defaultNow()

/** Text in byte order: prefix scans and page cursors follow the index, whatever the database's locale. */
const bytewiseText = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' })
const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })

/** What a tier may do. All limits live here, none in code. Sizes in bytes, price in US cents. */
export const tiers = pgTable(
  'tier_configs',
  {
    tier: text('tier').primaryKey(),
    storageQuotaBytes: bytes('storage_quota_bytes').notNull(),
    bandwidthQuotaBytes: bytes('bandwidth_quota_bytes').notNull(),
    fileBytesMax: bytes('file_bytes_max').notNull(),
    jettySpeedEnabled: boolean('jetty_speed_enabled').notNull(),
    connectionsMax: integer('connections_max').notNull(),
    rateLimitPerMinute: integer('rate_limit_per_minute').notNull(),
    priceMonthlyCents: integer('price_monthly_cents').notNull(),
  },
  (t) => [
    check(
      'tier_configs_tier',
      sql`${t.tier} IN ('free', 'starter', 'pro', 'business', 'enterprise')`,
    ),
    check(
      'tier_configs_sizes',
      sql`${t.storageQuotaBytes} >= 0 AND ${t.bandwidthQuotaBytes} >= 0 AND ${t.fileBytesMax} >= 0`,
    ),
  ],
)

/**
 * Who pays. `storage_used_bytes` counts live and trashed files and the manifests of blobs, `storage_reserved_bytes` the
 * targets and manifests of open uploads.
 */
export const accounts = pgTable(
  'agentcache_accounts',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    userId: text('agentcache_user_id').notNull().unique(),
    /** Empty once the account was deleted for good. */
    email: text('agentcache_email').notNull(),
    tier: text('agentcache_tier')
      .notNull()
      .references(() => tiers.tier),
    status: text('status').notNull().default('active'),
    /** SHA-256 of what provisioning asked for; the same request again is answered, another is refused. */
    requestDigest: text('request_digest'),
    /** SHA-256 of the account's secret (`jts_…`). */
    secretHash: text('secret_hash').unique(),
    /** The highest of 80, 90 and 100 percent of the storage quota that a warning went out for; 0 below. */
    warnedPercent: integer('warned_percent').notNull().default(0),
    statusChangedAt: instant('status_changed_at').notNull().defaultNow(),
    storageUsedBytes: bytes('storage_used_bytes').notNull().default(0),
    storageReservedBytes: bytes('storage_reserved_bytes').notNull().default(0),
    /** When the two were last compared with the files and uploads themselves; a new account is right. */
    reconciledAt: instant('reconciled_at').notNull().defaultNow(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    index('agentcache_accounts_reconciled').on(t.reconciledAt),
    index('agentcache_accounts_deleted')
      .on(t.statusChangedAt)
      .where(sql`${t.status} = 'deleted' AND ${t.email} <> ''`),
    check('agentcache_accounts_status', sql`${t.status} IN ('active', 'suspended', 'deleted')`),
    check(
      'agentcache_accounts_user_id',
      sql`${t.userId} ~ '^[A-Za-z0-9_.:@-]{1,128}$' AND ${t.userId} NOT IN ('.', '..')`,
    ),
    check(
      'agentcache_accounts_usage',
      sql`${t.storageUsedBytes} >= 0 AND ${t.storageReservedBytes} >= 0`,
    ),
  ],
)

/**
 * What provisioning gave out, on both sides of it, sealed (AES-256-GCM under JETTY_MASTER_KEY): for replays within 30 days.
 * `side` is `storage` or `agentcache`; `subject` is the user's id.
 */
export const credentials = pgTable(
  'jettythunder_credentials',
  {
    side: text('side').notNull(),
    subject: text('subject').notNull(),
    requestDigest: text('request_digest').notNull(),
    sealed: text('sealed').notNull(),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.side, t.subject] }),
    index('jettythunder_credentials_expiry').on(t.expiresAt),
    check('jettythunder_credentials_side', sql`${t.side} IN ('agentcache', 'storage')`),
  ],
)

/** Ids of webhooks that were acted upon, so that a repeated one is answered alike and never acts twice. */
export const receipts = pgTable(
  'webhook_receipts',
  {
    endpoint: text('endpoint').notNull(),
    webhookId: text('webhook_id').notNull(),
    bodyDigest: text('body_digest').notNull(),
    /** What was answered, without secrets; null where acting again is harmless and gives the same answer. */
    answer: jsonb('answer'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.endpoint, t.webhookId] }),
    index('webhook_receipts_created').on(t.createdAt),
  ],
)

/** Where an account wants to be told of events; the signing secret (`whsec_…`) is sealed. */
export const eventEndpoints = pgTable('event_endpoints', {
  accountId: uuid('account_id')
    .primaryKey()
    .references(() => accounts.id, { onDelete: 'cascade' }),
  url: text('url').notNull(),
  sealedSecret: text('sealed_secret').notNull(),
  disabledAt: instant('disabled_at'),
  disabledReason: text('disabled_reason'),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
})

/** Events on their way: written in the transaction of what happened, delivered at least once. */
export const outbox = pgTable(
  'event_outbox',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    type: text('type').notNull(),
    data: jsonb('data').notNull(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: instant('next_attempt_at').notNull().defaultNow(),
    deliveredAt: instant('delivered_at'),
    givenUpAt: instant('given_up_at'),
    lastStatus: integer('last_status'),
    lastError: text('last_error'),
    createdAt: createdAt(),
  },
  (t) => [
    index('event_outbox_due')
      .on(t.nextAttemptAt)
      .where(sql`${t.deliveredAt} IS NULL AND ${t.givenUpAt} IS NULL`),
    index('event_outbox_account').on(t.accountId, t.createdAt),
    index('event_outbox_created').on(t.createdAt),
    check(
      'event_outbox_type',
      sql`${t.type} IN ('upload.completed', 'file.deleted', 'quota.warning', 'account.tier_changed', 'webhook.test')`,
    ),
  ],
)

/** API keys by the SHA-256 of the whole key; the key itself is nowhere. */
export const apiKeys = pgTable(
  'api_keys',
  {
    keyHash: text('key_hash').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    createdAt: createdAt(),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
  },
  (t) => [index('api_keys_account').on(t.accountId)],
)

/**
 * Blobs: stored bytes, one S3 object each, inside one account. `last_referenced_at` is when a file last left it, or
 * when the sweeper last saw one there; with no file for the grace period the sweeper removes it, by way of `deleting`.
 */
export const blobs = pgTable(
  'file_hashes',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    fileHash: text('file_hash').notNull(),
    fileSize: bytes('file_size').notNull(),
    storageKey: text('storage_key').notNull().unique(),
    etag: text('etag').notNull(),
    verified: boolean('verified').notNull(),
    /** The length of the chunk manifest beside the object, counted in the quota while the blob is there; 0 without one. */
    manifestBytes: bytes('manifest_bytes').notNull().default(0),
    state: text('state').notNull().default('live'),
    createdAt: createdAt(),
    lastReferencedAt: instant('last_referenced_at').notNull().defaultNow(),
  },
  (t) => [
    uniqueIndex('file_hashes_content')
      .on(t.accountId, t.fileHash, t.fileSize)
      .where(sql`${t.state} = 'live'`),
    index('file_hashes_last_referenced').on(t.state, t.lastReferencedAt),
    /** Which copies of a content all accounts together have: for proofs of possession (DEDUP_SCOPE=global). */
    index('file_hashes_provable')
      .on(t.fileHash, t.fileSize)
      .where(sql`${t.state} = 'live' AND ${t.verified}`),
    check('file_hashes_state', sql`${t.state} IN ('live', 'deleting')`),
    check('file_hashes_size', sql`${t.fileSize} >= 0`),
  ],
)

/**
 * What blobs are compared by (lib/content/sketch.ts, lib/content/bands.ts): a row for each blob whose client sent a sketch.
 * Files that share the value of a band may be alike; the bins say how much.
 */
export const sketches = pgTable(
  'blob_sketches',
  {
    blobId: uuid('blob_id')
      .primaryKey()
      .references(() => blobs.id, { onDelete: 'cascade' }),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    averageBytes: integer('average_bytes').notNull(),
    distinctBytes: bytes('distinct_bytes').notNull(),
    bins: bytea('bins').notNull(),
    band1: integer('band1').notNull(),
    band2: integer('band2').notNull(),
    band3: integer('band3').notNull(),
    band4: integer('band4').notNull(),
    band5: integer('band5').notNull(),
    band6: integer('band6').notNull(),
    band7: integer('band7').notNull(),
    band8: integer('band8').notNull(),
  },
  (t) => [
    index('blob_sketches_band1').on(t.accountId, t.band1),
    index('blob_sketches_band2').on(t.accountId, t.band2),
    index('blob_sketches_band3').on(t.accountId, t.band3),
    index('blob_sketches_band4').on(t.accountId, t.band4),
    index('blob_sketches_band5').on(t.accountId, t.band5),
    index('blob_sketches_band6').on(t.accountId, t.band6),
    index('blob_sketches_band7').on(t.accountId, t.band7),
    index('blob_sketches_band8').on(t.accountId, t.band8),
    check('blob_sketches_bins', sql`octet_length(${t.bins}) = 512`),
  ],
)

/** Files: a path of an account, pointing at a blob. At most one live file a path. */
export const files = pgTable(
  'agentcache_assets',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    blobId: uuid('blob_id')
      .notNull()
      .references(() => blobs.id),
    path: bytewiseText('path').notNull(),
    sizeBytes: bytes('size_bytes').notNull(),
    contentType: text('content_type').notNull(),
    uploadedVia: text('uploaded_via').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    trashedAt: instant('trashed_at'),
  },
  (t) => [
    uniqueIndex('agentcache_assets_path')
      .on(t.accountId, t.path)
      .where(sql`${t.trashedAt} IS NULL`),
    index('agentcache_assets_trash')
      .on(t.accountId, t.path, t.id)
      .where(sql`${t.trashedAt} IS NOT NULL`),
    index('agentcache_assets_trashed_at').on(t.trashedAt).where(sql`${t.trashedAt} IS NOT NULL`),
    index('agentcache_assets_blob').on(t.blobId),
    check('agentcache_assets_size', sql`${t.sizeBytes} >= 0`),
    check('agentcache_assets_path_length', sql`octet_length(${t.path}) BETWEEN 1 AND 1024`),
  ],
)

/**
 * Uploads: one durable S3 upload of one content into one account. `open → completing → done`,
 * `open → aborting → aborted`, each step one conditional statement. `urls_expire_at` is when the last signed URL dies.
 */
export const uploads = pgTable(
  'uploads',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    fileHash: text('file_hash').notNull(),
    fileSize: bytes('file_size').notNull(),
    partCount: integer('part_count').notNull(),
    checksum: text('checksum').notNull(),
    storageKey: text('storage_key').notNull().unique(),
    s3UploadId: text('s3_upload_id'),
    partDigests: bytea('part_digests').notNull(),
    partMd5s: jsonb('part_md5s').$type<Record<string, string>>().notNull().default({}),
    /** The chunk manifest that comes with it: reserved as declared, 0 without one. Its URL has an end of its own. */
    manifestBytes: bytes('manifest_bytes').notNull().default(0),
    manifestDigest: bytea('manifest_digest'),
    manifestUrlExpiresAt: instant('manifest_url_expires_at'),
    /** What files are compared by (lib/content/sketch.ts), as the client declares it; becomes the blob's. */
    sketchBins: bytea('sketch_bins'),
    sketchDistinctBytes: bytes('sketch_distinct_bytes'),
    /** The blob, of any account, that a proof of possession allows to copy from. */
    provenBlobId: uuid('proven_blob_id').references(() => blobs.id, { onDelete: 'set null' }),
    uploadedVia: text('uploaded_via').notNull(),
    state: text('state').notNull().default('open'),
    completingSince: instant('completing_since'),
    urlsExpireAt: instant('urls_expire_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    blobId: uuid('blob_id').references(() => blobs.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    completedAt: instant('completed_at'),
    /** When the store was asked for multipart uploads that a dead function left under this key. */
    sweptAt: instant('swept_at'),
  },
  (t) => [
    uniqueIndex('uploads_content')
      .on(t.accountId, t.fileHash, t.fileSize)
      .where(sql`${t.state} IN ('open', 'completing')`),
    index('uploads_open')
      .on(t.accountId, t.createdAt, t.id)
      .where(sql`${t.state} IN ('open', 'completing')`),
    index('uploads_expiry').on(t.expiresAt).where(sql`${t.state} IN ('open', 'completing')`),
    index('uploads_aborting').on(t.updatedAt).where(sql`${t.state} = 'aborting'`),
    index('uploads_blob').on(t.blobId),
    index('uploads_proven_blob').on(t.provenBlobId).where(sql`${t.provenBlobId} IS NOT NULL`),
    index('uploads_unswept')
      .on(t.updatedAt)
      .where(
        sql`${t.state} IN ('done', 'aborted') AND ${t.partCount} > 1 AND ${t.sweptAt} IS NULL`,
      ),
    index('uploads_ended').on(t.updatedAt).where(sql`${t.state} IN ('done', 'aborted')`),
    index('uploads_done').on(t.accountId, t.completedAt).where(sql`${t.state} = 'done'`),
    check(
      'uploads_state',
      sql`${t.state} IN ('open', 'completing', 'done', 'aborting', 'aborted')`,
    ),
    check('uploads_checksum', sql`${t.checksum} IN ('sha256', 'md5')`),
    check('uploads_size', sql`${t.fileSize} >= 0 AND ${t.partCount} BETWEEN 1 AND 10000`),
  ],
)

/** Answers to challenges (DEDUP_SCOPE=global): each is used once, and an account has so many an hour. */
export const proofs = pgTable(
  'possession_proofs',
  {
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    /** The challenge's nonce. */
    nonce: bytea('nonce').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.nonce] }),
    index('possession_proofs_created').on(t.createdAt),
  ],
)

/** Where the content of an upload goes; each reserves the file's size until the upload ends. */
export const uploadTargets = pgTable(
  'upload_targets',
  {
    uploadId: uuid('upload_id')
      .notNull()
      .references(() => uploads.id, { onDelete: 'cascade' }),
    path: bytewiseText('path').notNull(),
    contentType: text('content_type').notNull(),
    ifNew: boolean('if_new').notNull(),
    fileId: uuid('file_id'),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.uploadId, t.path] })],
)

/** One client's attempt at an upload; several may work at the same one. */
export const uploadSessions = pgTable(
  'upload_sessions',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    uploadId: uuid('upload_id')
      .notNull()
      .references(() => uploads.id, { onDelete: 'cascade' }),
    uploadVia: text('upload_via').notNull(),
    threads: integer('threads').notNull(),
    edgesUsed: jsonb('edges_used').$type<string[]>().notNull(),
    /** What each path carried in this session: `{ [id]: { parts, bytes, busyMs, failures } }`. */
    paths: jsonb('paths').notNull().default({}),
    chunksCompleted: integer('chunks_completed').notNull().default(0),
    bytesUploaded: bytes('bytes_uploaded').notNull().default(0),
    /** Bytes per second between the last two reports. */
    speedBytes: doublePrecision('speed_bytes').notNull().default(0),
    status: text('status').notNull().default('in_progress'),
    errorMessage: text('error_message'),
    startedAt: instant('started_at').notNull().defaultNow(),
    updatedAt: updatedAt(),
    completedAt: instant('completed_at'),
  },
  (t) => [
    index('upload_sessions_upload').on(t.uploadId),
    index('upload_sessions_updated').on(t.updatedAt),
    index('upload_sessions_account').on(t.accountId, t.startedAt),
    check(
      'upload_sessions_status',
      sql`${t.status} IN ('in_progress', 'completed', 'failed', 'paused')`,
    ),
    check('upload_sessions_via', sql`${t.uploadVia} IN ('desktop', 'web', 'api')`),
  ],
)

/** What an account used in a calendar month (UTC). */
export const usage = pgTable(
  'storage_usage',
  {
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    periodStart: date('period_start', { mode: 'string' }).notNull(),
    bandwidthBytes: bytes('bandwidth_bytes').notNull().default(0),
    downloads: integer('downloads').notNull().default(0),
    updatedAt: updatedAt(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.periodStart] })],
)

/** Granted downloads; signing again before `free_until` costs no bandwidth. */
export const downloads = pgTable(
  'downloads',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    /** Null once the blob went: what was granted stays counted. */
    blobId: uuid('blob_id').references(() => blobs.id, { onDelete: 'set null' }),
    bytes: bytes('bytes').notNull(),
    freeUntil: instant('free_until').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    index('downloads_account').on(t.accountId, t.createdAt),
    index('downloads_free_until').on(t.freeUntil),
    index('downloads_blob').on(t.blobId),
  ],
)

/** Clones, one row each: what deduplication saved, kept for as long as the longest period of the statistics. */
export const references = pgTable(
  'user_file_references',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id, { onDelete: 'cascade' }),
    fileHash: text('file_hash').notNull(),
    path: bytewiseText('path').notNull(),
    savedBytes: bytes('saved_bytes').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    index('user_file_references_account').on(t.accountId, t.createdAt),
    index('user_file_references_created').on(t.createdAt),
  ],
)

/**
 * The catalogue of relays. `url` is where one answers, `public_key` verifies its heartbeats (raw Ed25519, base64). One is
 * offered while it is active, not draining, and was up when last probed.
 */
export const edges = pgTable(
  'edge_locations',
  {
    id: text('id').primaryKey(),
    url: text('url'),
    /** Up to two more addresses of the same relay: a browser opens about six connections to one. */
    alternateUrls: jsonb('alternate_urls').$type<string[]>().notNull().default([]),
    city: text('city').notNull(),
    country: text('country').notNull(),
    lat: doublePrecision('lat').notNull(),
    lng: doublePrecision('lng').notNull(),
    provider: text('provider').notNull().default('cloudflare'),
    publicKey: text('public_key'),
    isActive: boolean('is_active').notNull().default(false),
    isDraining: boolean('is_draining').notNull().default(false),
    isUp: boolean('is_up').notNull().default(false),
    version: text('version'),
    /** When it was last probed, and when a probe last succeeded. */
    checkedAt: instant('checked_at'),
    seenAt: instant('seen_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check(
      'edge_locations_position',
      sql`${t.lat} BETWEEN -90 AND 90 AND ${t.lng} BETWEEN -180 AND 180`,
    ),
    check('edge_locations_active', sql`NOT ${t.isActive} OR ${t.url} IS NOT NULL`),
    check('edge_locations_alternate_urls', sql`jsonb_array_length(${t.alternateUrls}) <= 2`),
  ],
)

/**
 * A row per active edge and round of probes: whether it was up, what it said of itself (null without a heartbeat), and what
 * clients measured (round trip, goodput of one connection, failed parts in percent; null where at least three accounts
 * did not).
 */
export const edgeMetrics = pgTable(
  'edge_metrics',
  {
    edgeId: text('edge_id')
      .notNull()
      .references(() => edges.id, { onDelete: 'cascade' }),
    timestamp: instant('timestamp').notNull(),
    isUp: boolean('is_up').notNull(),
    latencyMs: integer('latency_ms'),
    loadPercent: integer('load_percent'),
    bandwidthMbps: integer('bandwidth_mbps'),
    activeUploads: integer('active_uploads'),
    errorRate: numeric('error_rate', { precision: 5, scale: 2 }),
  },
  (t) => [
    primaryKey({ columns: [t.edgeId, t.timestamp] }),
    index('edge_metrics_timestamp').on(t.timestamp),
    check('edge_metrics_load', sql`${t.loadPercent} BETWEEN 0 AND 100`),
  ],
)

/** Days of an edge (UTC), rolled up from `edge_metrics` and from what sessions reported. */
export const edgePerformance = pgTable(
  'edge_performance_daily',
  {
    edgeId: text('edge_id')
      .notNull()
      .references(() => edges.id, { onDelete: 'cascade' }),
    date: date('date', { mode: 'string' }).notNull(),
    avgLatencyMs: integer('avg_latency_ms'),
    avgLoadPercent: integer('avg_load_percent'),
    totalUploads: integer('total_uploads').notNull(),
    totalBytesTransferred: bytes('total_bytes_transferred').notNull(),
    avgUploadSpeedMbps: numeric('avg_upload_speed_mbps', { precision: 10, scale: 2 }),
    uptimePercent: numeric('uptime_percent', { precision: 5, scale: 2 }).notNull(),
    errorCount: integer('error_count').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.edgeId, t.date] }),
    index('edge_performance_daily_date').on(t.date),
  ],
)

/** Periodic jobs; the row is the lock: whoever moves `started_at` runs the job. */
export const jobs = pgTable('periodic_jobs', {
  name: text('name').primaryKey(),
  startedAt: instant('started_at').notNull(),
  finishedAt: instant('finished_at'),
})

/** What a store can do, found out once by requests (lib/storage/probe.ts). */
export const storeCapabilities = pgTable(
  'store_capabilities',
  {
    endpoint: text('endpoint').notNull(),
    bucket: text('bucket').notNull(),
    capabilities: jsonb('capabilities').notNull(),
    probedAt: instant('probed_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.endpoint, t.bucket] })],
)
