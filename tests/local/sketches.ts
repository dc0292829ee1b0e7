import { randomBytes, randomUUID } from 'node:crypto'
import { bandsOf } from '../../lib/content/bands.ts'
import { layoutOf } from '../../lib/content/layout.ts'
import { type Sketch, sketchOf } from '../../lib/content/sketch.ts'
import { query } from '../../lib/db/client.ts'
import { sql } from '../../lib/vendor/orm.js'
import { madeUpMember } from '../lib/content/made-up-family.ts'

/** A content that was never uploaded: what the database says of it, and its sketch. */
export type Sketched = {
  blobId: string
  fileHash: string
  fileSize: number
  sketch: Sketch
  fileIds: string[]
}

/** The sketch of one of a family's members, which share `share` of their bytes; of 1,000 chunks, about 18 MB, unless said. */
export function aSketch(family: number, member: number, { share = 1, count = 1000 } = {}) {
  const chunks = madeUpMember(family, member, { count, kept: Math.round(count * share) })
  return { sketch: sketchOf(chunks), chunks, fileSize: chunks.fileSize }
}

/** A sketch as clients send it. */
export function wireOf({ distinctBytes, bins }: Sketch) {
  return { distinctBytes, bins: Buffer.from(bins).toString('base64') }
}

/** A stored content with files at these paths, in the tables alone; `sketch: null` leaves it without one. */
export async function storeSketched(
  accountId: string,
  content: { sketch: Sketch | null; fileSize: number; fileHash?: string },
  paths: string[],
): Promise<Sketched> {
  const { sketch, fileSize } = content
  const blobId = randomUUID()
  const fileHash = content.fileHash ?? aContentId(fileSize)
  await query(sql`
    INSERT INTO file_hashes (id, account_id, file_hash, file_size, storage_key, etag, verified)
    VALUES (${blobId}, ${accountId}, ${fileHash}, ${fileSize}, ${`made-up/${blobId}`}, 'e', true)`)
  if (sketch) await query(insertSketch(accountId, blobId, sketch))
  const fileIds = paths.map(() => randomUUID())
  for (const [at, path] of paths.entries()) {
    await query(sql`
      INSERT INTO agentcache_assets (id, account_id, blob_id, path, size_bytes, content_type, uploaded_via)
      VALUES (${fileIds[at]}, ${accountId}, ${blobId}, ${path}, ${fileSize}, 'x/y', 'api')`)
  }
  return { blobId, fileHash, fileSize, sketch: sketch ?? aSketch(0, 0).sketch, fileIds }
}

function aContentId(fileSize: number): string {
  const { partCount } = layoutOf(fileSize)
  return `sha256:${randomBytes(32).toString('hex')}${partCount > 1 ? `-${partCount}` : ''}`
}

function insertSketch(accountId: string, blobId: string, sketch: Sketch) {
  const bands = sql.join(
    bandsOf(sketch).map((band) => sql`${band}`),
    sql`, `,
  )
  return sql`INSERT INTO blob_sketches VALUES (${blobId}, ${accountId}, ${sketch.averageBytes}, ${sketch.distinctBytes},
    ${Buffer.from(sketch.bins)}, ${bands})`
}
