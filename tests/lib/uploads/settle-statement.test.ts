import { expect, test } from 'vitest'
import { query, withAccountLocked } from '../../../lib/db/client.ts'
import { settleStatement } from '../../../lib/uploads/settle-statement.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { uploader, usageOf } from '../../local/uploading.ts'

for (const state of ['open', 'aborting', 'aborted', 'done']) {
  test(`what the store finished is not settled once the upload is ${state}`, async () => {
    const { apiKey, accountId } = await anAccount()
    const [{ uploadId: id }] = (await uploader(apiKey).start([await aContent(100), { path: 'a' }]))
      .body.results
    await query(sql`UPDATE uploads SET state = ${state} WHERE id = ${id}`)

    await withAccountLocked(accountId, [
      settleStatement(accountId, [{ id, etag: 'e', verified: true }]),
    ])
    expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 100 })
    const rows = await query(sql`SELECT 1 FROM agentcache_assets WHERE account_id = ${accountId}`)
    expect(rows).toEqual([])
  })
}
