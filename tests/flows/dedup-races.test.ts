import '../local/global-scope.ts'
import { expect, test } from 'vitest'
import { ownDatabase } from '../lib/sweep/own-database.ts'
import { aContent, type TestContent } from '../local/content.ts'
import { call } from '../local/request.ts'

const MIB = 1024 * 1024
const LIMIT = { timeout: 90_000 }

// A database of its own, since the sweep looks at all accounts.
const client = await ownDatabase()
const { GET: download } = await import('../../api/storage/download.ts')
const { DELETE } = await import('../../api/storage/files.ts')
const { deleteObject, headObject } = await import('../../lib/storage/objects.ts')
const { sweep } = await import('../../lib/sweep/sweep.ts')
const { anAccount } = await import('../local/account.ts')
const { copier, opening } = await import('../local/proving.ts')
const { sendParts, uploader, uploadWhole, usageOf } = await import('../local/uploading.ts')

const REFUSED = { status: 403, body: { type: '/errors/proof-refused' } }

type Account = Awaited<ReturnType<typeof anAccount>>

async function remove({ apiKey }: Account, fileId: string) {
  const path = `/api/storage/files?fileId=${fileId}&permanent=true`
  expect((await call(DELETE, 'DELETE', path, { as: apiKey })).status).toBe(200)
}

async function bytesOf({ apiKey }: Account, fileId: string): Promise<Buffer> {
  const headers = { accept: 'application/json' }
  const path = `/api/storage/download?fileId=${fileId}`
  const { url } = (await call(download, 'GET', path, { as: apiKey, headers })).body
  return Buffer.from(await (await fetch(url)).arrayBuffer())
}

async function keyOf({ accountId }: Account): Promise<string> {
  const { rows } = await client.query('SELECT storage_key FROM file_hashes WHERE account_id = $1', [
    accountId,
  ])
  return rows[0].storage_key
}

const letAge = ({ accountId }: Account) =>
  client.query(
    `UPDATE file_hashes SET last_referenced_at = now() - interval '49 hours' WHERE account_id = $1`,
    [accountId],
  )

/** Ada stores a content, and Bob, who has it, has begun to. */
async function adaAndBob(size: number) {
  const [ada, bob] = [await anAccount(), await anAccount()]
  const content = await aContent(size)
  const fileId = await uploadWhole(ada.apiKey, content, 'a')
  const opened = await opening(bob.apiKey, content)
  return { ada, bob, content, fileId, opened, ...copier(bob.apiKey) }
}

/** Bob goes on as a client does: what was not copied he sends. */
async function finish(bob: Account, content: TestContent): Promise<string> {
  const { start, complete } = uploader(bob.apiKey)
  const [again] = (await start([content, { path: 'proven' }])).body.results
  if (again.signed) await sendParts(again, content)
  const [stored] = (await complete(again.uploadId)).body.results
  expect(stored).toMatchObject({ status: 'stored', verified: true })
  return stored.files[0].fileId
}

test(
  'delete vs claim: what its owner deleted may be proven while its bytes are there, and not once they are to go',
  LIMIT,
  async () => {
    const { ada, bob, content, fileId, opened, prove } = await adaAndBob(2 * MIB)
    await remove(ada, fileId)
    expect((await prove(opened, content.bytes)).status).toBe(200)

    const { accountId } = ada
    await client.query(`UPDATE file_hashes SET state = 'deleting' WHERE account_id = $1`, [
      accountId,
    ])
    const again = await opening(bob.apiKey, content)
    expect(await prove(again, content.bytes)).toMatchObject(REFUSED)
    expect(await copier(bob.apiKey).goOn(again.uploadId)).toMatchObject(REFUSED)
  },
)

test(
  'delete vs claim: an object that is gone although its row says otherwise is a refusal like any other',
  LIMIT,
  async () => {
    const { ada, bob, content, opened, prove } = await adaAndBob(2 * MIB)
    await deleteObject(await keyOf(ada))
    expect(await prove(opened, content.bytes)).toMatchObject(REFUSED)
    expect((await bytesOf(bob, await finish(bob, content))).equals(content.bytes)).toBe(true)
  },
)

test.each([
  ['one part', 2 * MIB, 6],
  ['several parts', 17 * MIB, 4],
])(
  'delete vs claim: whenever the owner deletes and the sweep removes a file of %s, who proved it ends with all of its bytes',
  LIMIT,
  async (_, size, rounds) => {
    const became = new Set<number>()
    for (let n = 0; n < rounds; n++) {
      const { ada, bob, content, fileId, opened, prove } = await adaAndBob(size)
      await remove(ada, fileId)
      const key = await keyOf(ada)
      await letAge(ada)
      const pause = new Promise((resolve) => setTimeout(resolve, (n * 300) / rounds))
      const [proven] = await Promise.all([prove(opened, content.bytes), pause.then(sweep)])
      became.add(proven.status)

      const own = await finish(bob, content)
      await sweep()
      expect(await headObject(key)).toBeNull()
      expect((await bytesOf(bob, own)).equals(content.bytes)).toBe(true)
      expect(await usageOf(bob.accountId)).toEqual({ used: size, reserved: 0 })
    }
    for (const status of became) expect([200, 403]).toContain(status)
  },
)

test(
  'accounts never share an object: either may delete its file, and the other keeps its own',
  LIMIT,
  async () => {
    const { ada, bob, content, fileId, opened, prove } = await adaAndBob(2 * MIB)
    await prove(opened, content.bytes)
    const copied = await finish(bob, content)
    expect(await keyOf(bob)).not.toBe(await keyOf(ada))
    expect(await keyOf(bob)).toContain(bob.userId)

    await remove(bob, copied)
    await letAge(bob)
    await sweep()
    expect((await bytesOf(ada, fileId)).equals(content.bytes)).toBe(true)
  },
)

test(
  'an upload that was proven goes on as one to be sent when the copy is gone, and so does its row',
  LIMIT,
  async () => {
    const { ada, bob, content, fileId, opened, prove, goOn } = await adaAndBob(17 * MIB)
    await prove(opened, content.bytes)
    await remove(ada, fileId)
    await letAge(ada)
    await sweep()
    expect(await goOn(opened.uploadId)).toMatchObject(REFUSED)
    expect((await bytesOf(bob, await finish(bob, content))).equals(content.bytes)).toBe(true)
  },
)

test(
  'a single object that was copied into an upload goes with it when it is aborted',
  LIMIT,
  async () => {
    const { bob, content, opened, prove } = await adaAndBob(2 * MIB)
    await client.query(`UPDATE uploads SET urls_expire_at = now() WHERE id = $1`, [opened.uploadId])
    await prove(opened, content.bytes)
    const { rows } = await client.query('SELECT storage_key FROM uploads WHERE id = $1', [
      opened.uploadId,
    ])
    expect(await headObject(rows[0].storage_key)).not.toBeNull()

    // The copy might still have been under way: the key stays taken for as long as a function may live.
    const aborted = await uploader(bob.apiKey).abort(opened.uploadId)
    expect(aborted.status).toBe(202)
    await client.query(`UPDATE uploads SET urls_expire_at = now() WHERE id = $1`, [opened.uploadId])
    await sweep()
    expect(await headObject(rows[0].storage_key)).toBeNull()
    expect(await usageOf(bob.accountId)).toEqual({ used: 0, reserved: 0 })
  },
)

test('used challenges are kept for a day', LIMIT, async () => {
  const { accountId } = await anAccount()
  for (const [nonce, age] of [
    ['\\x01', '24 hours 1 minute'],
    ['\\x02', '23 hours'],
  ])
    await client.query(
      `INSERT INTO possession_proofs (account_id, nonce, created_at) VALUES ($1, $2, now() - $3::interval)`,
      [accountId, nonce, age],
    )
  await sweep()
  const { rows } = await client.query('SELECT nonce FROM possession_proofs WHERE account_id = $1', [
    accountId,
  ])
  expect(rows).toEqual([{ nonce: Buffer.from([2]) }])
})
