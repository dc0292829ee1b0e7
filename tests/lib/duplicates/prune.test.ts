import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { pruneReferencesStatement } from '../../../lib/duplicates/prune.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'

test('clones older than 31 days are forgotten, and no other', async () => {
  const { accountId } = await anAccount()
  for (const hours of [0, 30 * 24 + 1, 31 * 24 - 1, 31 * 24 + 1]) {
    await query(sql`
      INSERT INTO user_file_references (account_id, file_hash, path, saved_bytes, created_at)
      VALUES (${accountId}, 'h', 'p', ${hours}, now() - make_interval(hours => ${hours}))`)
  }
  await query(pruneReferencesStatement())
  const rows = await query(sql`
    SELECT saved_bytes::int AS hours FROM user_file_references WHERE account_id = ${accountId} ORDER BY saved_bytes`)
  expect(rows.map(({ hours }) => hours)).toEqual([0, 721, 743])
})
