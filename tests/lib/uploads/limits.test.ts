import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { releaseDueUploads } from '../../../lib/uploads/abort.ts'
import { completeUploads } from '../../../lib/uploads/complete.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { uploader } from '../../local/uploading.ts'

const MIB = 1024 * 1024
const UPLOADS = 20

/** An account with 20 open uploads of 10,000 parts: their digests together are more than Neon answers (10 MiB). */
async function anAccountOfGiants() {
  const { apiKey, accountId } = await anAccount({ tier: 'enterprise' })
  const rows = await query(sql`
    INSERT INTO uploads (account_id, file_hash, file_size, part_count, checksum, storage_key, s3_upload_id, part_digests,
      uploaded_via, urls_expire_at, expires_at)
    SELECT ${accountId}, 'sha256:' || n, ${625 * 1024 * MIB}, 10000, 'sha256', 'users/' || gen_random_uuid(), 'gone',
      decode(repeat('ab', 320000), 'hex'), 'api', now(), now() + interval '1 day'
    FROM generate_series(1, ${UPLOADS}) n RETURNING id`)
  return { accountId, ids: rows.map((row) => String(row.id)), ...uploader(apiKey) }
}

test('uploads of 200,000 parts together are listed, signed, completed and ended', {
  timeout: 60_000,
}, async () => {
  const { accountId, ids, list, sign } = await anAccountOfGiants()
  expect((await list()).body.uploads).toHaveLength(UPLOADS)

  const signed = await sign(ids.map((uploadId) => ({ uploadId, partNumbers: [1, 10_000] })))
  expect(signed.status).toBe(200)
  const [first, ...others] = signed.body.results
  expect(Object.keys(first.signed.signatures)).toEqual(['1', '10000'])
  expect(others.at(-1)).toEqual({ uploadId: ids.at(-1), signed: null })

  const completed = await completeUploads(accountId, ids)
  const problems = completed.filter((one) => 'problem' in one)
  expect(problems.map(({ problem }) => problem.type)).toEqual(
    Array(5).fill('/errors/parts-missing'),
  )
  expect(completed.filter((one) => 'status' in one)).toHaveLength(UPLOADS - 5)

  await query(sql`UPDATE uploads SET state = 'aborting' WHERE account_id = ${accountId}`)
  expect(await releaseDueUploads(accountId)).toBe(UPLOADS)
})
