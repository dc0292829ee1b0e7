import { expect, test } from 'vitest'
import { bandsOf } from '../../../lib/content/bands.ts'
import type { Sketch } from '../../../lib/content/sketch.ts'
import { query, withAccountLocked } from '../../../lib/db/client.ts'
import { likeStatement, similarStatement, subjectOf } from '../../../lib/similar/candidates.ts'
import { rankSimilar } from '../../../lib/similar/rank.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aSketch, storeSketched } from '../../local/sketches.ts'

/** Stored contents that have the first so many bands of a sketch, and nothing else, in common with it. */
async function storeWithBands(accountId: string, { sketch }: { sketch: Sketch }, shared: number[]) {
  const bands = bandsOf(sketch)
  for (const [n, count] of shared.entries()) {
    const { blobId } = await storeSketched(accountId, aSketch(50 + n, 1), [`${count}`])
    if (count === 0) continue
    const columns = bands
      .slice(0, count)
      .map((band, at) => sql`${sql.raw(`band${at + 1}`)} = ${band}`)
    await query(
      sql`UPDATE blob_sketches SET ${sql.join(columns, sql`, `)} WHERE blob_id = ${blobId}`,
    )
  }
}

const pathOf = ({ files }: { files?: unknown }) => Object.values(Object(files))[0]

test('it runs in a transaction with others, under the lock of the account', async () => {
  const { accountId } = await anAccount()
  const near = await storeSketched(accountId, aSketch(1, 1, { share: 0.9 }), ['near'])
  const { sketch } = aSketch(1, 2, { share: 0.9 })
  const [, rows = []] = await withAccountLocked(accountId, [
    sql`SELECT 1`,
    similarStatement(accountId, sketch, 20),
  ])
  expect(rankSimilar(rows, sketch, 0.5)).toMatchObject([
    { blobId: near.blobId, files: [{ fileId: near.fileIds[0], path: 'near' }] },
  ])
})

test('one band in common makes a candidate, none makes none; those with most in common are taken first', async () => {
  const { accountId } = await anAccount()
  const asked = aSketch(1, 1)
  await storeWithBands(accountId, asked, [2, 1, 8, 0, 5])
  const paths = async (limit: number) =>
    (await query(similarStatement(accountId, asked.sketch, limit))).map(pathOf).toSorted()
  expect(await paths(20)).toEqual(['1', '2', '5', '8'])
  expect(await paths(2)).toEqual(['5', '8'])
})

test('any of the eight bands finds', async () => {
  const { accountId } = await anAccount()
  const asked = aSketch(1, 1)
  for (const [at, band] of bandsOf(asked.sketch).entries()) {
    const { blobId } = await storeSketched(accountId, aSketch(60 + at, 1), [`${at}`])
    const column = sql.raw(`band${at + 1}`)
    await query(sql`UPDATE blob_sketches SET ${column} = ${band} WHERE blob_id = ${blobId}`)
  }
  expect(await query(similarStatement(accountId, asked.sketch, 20))).toHaveLength(8)
})

test('another average, another account, or no live file is no candidate', async () => {
  const [{ accountId }, other] = [await anAccount(), await anAccount()]
  const asked = aSketch(1, 1)
  const { sketch } = asked
  const candidates = () => query(similarStatement(accountId, sketch, 20))
  await storeSketched(accountId, { ...asked, sketch: { ...sketch, averageBytes: 32768 } }, [
    'large',
  ])
  await storeSketched(other.accountId, asked, ['theirs'])
  await storeSketched(accountId, asked, [])
  expect(await candidates()).toEqual([])
  await storeSketched(accountId, asked, ['mine'])
  expect((await candidates()).map(pathOf)).toEqual(['mine'])
})

test('bands beyond enough do not count, and what differs too much in size is not taken', async () => {
  const { accountId } = await anAccount()
  const asked = aSketch(1, 1)
  await storeWithBands(accountId, asked, [2, 1, 8])
  const like = async (share: number, enough: number, limit: number) =>
    (
      await query(
        likeStatement(accountId, subjectOf(asked.sketch), { limit, perBand: 20, share, enough }),
      )
    )
      .map(pathOf)
      .toSorted()
  expect(await like(0, 8, 1)).toEqual(['8'])
  expect(await like(0, 2, 2)).toEqual(['2', '8'])
  await query(sql`UPDATE file_hashes SET file_hash = 'sha256:' || repeat('0', 64)
    WHERE id IN (SELECT blob_id FROM agentcache_assets WHERE account_id = ${accountId} AND path = '2')`)
  expect(await like(0, 2, 1)).toEqual(['2'])
  await query(sql`UPDATE blob_sketches SET distinct_bytes = ${Math.round(asked.sketch.distinctBytes * 0.9)}
    WHERE account_id = ${accountId}`)
  expect(await like(0.89, 8, 20)).toHaveLength(3)
  expect(await like(0.91, 8, 20)).toHaveLength(0)
})
