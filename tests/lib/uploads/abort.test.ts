import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { releaseDueUploads } from '../../../lib/uploads/abort.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { uploader, usageOf } from '../../local/uploading.ts'

test('what is due is released for the account that is asked for, and for no other', async () => {
  const [ada, bob] = [await anAccount(), await anAccount()]
  for (const { apiKey, accountId } of [ada, bob]) {
    const { start, abort } = uploader(apiKey)
    const { uploadId } = (await start([await aContent(100), { path: 'a' }])).body.results[0]
    await abort(uploadId)
    await query(
      sql`UPDATE uploads SET urls_expire_at = now() - interval '1 second' WHERE account_id = ${accountId}`,
    )
  }
  expect(await releaseDueUploads(ada.accountId)).toBe(1)
  expect(await releaseDueUploads(ada.accountId)).toBe(0)
  expect(await usageOf(ada.accountId)).toEqual({ used: 0, reserved: 0 })
  expect(await usageOf(bob.accountId)).toEqual({ used: 0, reserved: 100 })
})
