import { expect, test } from 'vitest'
import { DELETE } from '../../../api/storage/files.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { uploader, uploadWhole } from '../../local/uploading.ts'

/** An account with one file at `a`, whose blob was last referenced long ago. */
async function anOldFile() {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  const fileId = await uploadWhole(apiKey, content, 'a')
  await query(sql`UPDATE file_hashes SET last_referenced_at = now() - interval '36 hours'
    WHERE account_id = ${accountId}`)
  const isOld = async () => {
    const [row] = await query(sql`SELECT last_referenced_at < now() - interval '1 day' AS old
      FROM file_hashes WHERE account_id = ${accountId} AND file_hash = ${content.fileHash}`)
    return row?.old
  }
  return { apiKey, accountId, content, fileId, isOld }
}

test('the grace period of a blob begins when a file leaves it: by deletion, by an upload or by a clone onto its path', async () => {
  const deleted = await anOldFile()
  const search = `fileId=${deleted.fileId}&permanent=true`
  await call(DELETE, 'DELETE', `/api/storage/files?${search}`, { as: deleted.apiKey })
  expect(await deleted.isOld()).toBe(false)

  const replaced = await anOldFile()
  await uploadWhole(replaced.apiKey, await aContent(50), 'a')
  expect(await replaced.isOld()).toBe(false)

  const cloned = await anOldFile()
  const other = await aContent(50)
  await uploadWhole(cloned.apiKey, other, 'b')
  expect(await cloned.isOld()).toBe(true)
  await uploader(cloned.apiKey).start([other, { path: 'a' }])
  expect(await cloned.isOld()).toBe(false)
})

test('a blob that is being deleted is not cloned: its content is uploaded again', async () => {
  const { apiKey, accountId, content } = await anOldFile()
  await query(sql`UPDATE file_hashes SET state = 'deleting' WHERE account_id = ${accountId}`)
  const { body } = await uploader(apiKey).start([content, { path: 'b' }])
  expect(body.results[0].status).toBe('open')
  expect(await uploadWhole(apiKey, content, 'b')).toEqual(expect.any(String))
})
