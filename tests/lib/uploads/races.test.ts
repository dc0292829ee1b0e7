import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { sweep } from '../../../lib/sweep/sweep.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { uploader, usageOf } from '../../local/uploading.ts'

const LONG_ENOUGH_MS = 300

/** Runs `act` while another client is half-way through ending an upload: it has the locks, and has not committed. */
function whileAborting<T>(upload: Ids, act: () => Promise<T>): Promise<T> {
  return whileChanging(upload, `state = 'aborting'`, act)
}

type Ids = { accountId: string; uploadId: string }

async function whileChanging<T>(
  { accountId, uploadId }: Ids,
  change: string,
  act: () => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
  await client.connect()
  await client.query('BEGIN')
  await client.query('SELECT id FROM agentcache_accounts WHERE id = $1 FOR UPDATE', [accountId])
  await client.query(`UPDATE uploads SET ${change} WHERE id = $1`, [uploadId])
  const acting = act()
  await sleep(LONG_ENOUGH_MS)
  await client.query('COMMIT')
  await client.end()
  return await acting
}

async function anOpenUpload() {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(3000)
  const { uploadId } = (await uploader(apiKey).start([content, { path: 'a' }])).body.results[0]
  return { accountId, content, uploadId, ...uploader(apiKey) }
}

const CLOSED = { status: 409, body: { type: '/errors/upload-closed', uploadStatus: 'aborting' } }

test('nothing is signed for an upload that somebody else is ending', async () => {
  const upload = await anOpenUpload()
  const { uploadId, sign } = upload
  const wanted = [{ uploadId, partNumbers: [1] }]
  expect(await whileAborting(upload, () => sign(wanted))).toMatchObject(CLOSED)
})

test('asking for signatures does not keep an ended upload, and its quota, any longer', async () => {
  const { uploadId, abort, sign } = await anOpenUpload()
  const { releasedBy } = (await abort(uploadId)).body
  await sleep(10)
  expect(await sign([{ uploadId, partNumbers: [1] }])).toMatchObject(CLOSED)
  expect((await abort(uploadId)).body.releasedBy).toBe(releasedBy)
})

test('of two aborts at once both are told that it is being aborted', async () => {
  const upload = await anOpenUpload()
  const answer = await whileAborting(upload, () => upload.abort(upload.uploadId))
  expect(answer).toMatchObject({ status: 202, body: { status: 'aborting' } })
})

test('what is being ended is not completed', async () => {
  const upload = await anOpenUpload()
  expect(await whileAborting(upload, () => upload.complete(upload.uploadId))).toMatchObject(CLOSED)
})

test('a start that meets an upload being ended opens another one', async () => {
  const upload = await anOpenUpload()
  const { accountId, content, uploadId, start } = upload
  const { body } = await whileAborting(upload, () => start([content, { path: 'b' }]))
  expect(body.results[0].status).toBe('open')
  expect(body.results[0].uploadId).not.toBe(uploadId)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 6000 })
})

test('the sweep does not expire an upload whose client came back meanwhile', async () => {
  const upload = await anOpenUpload()
  const { uploadId, read } = upload
  await query(
    sql`UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = ${uploadId}`,
  )
  await whileChanging(upload, `expires_at = now() + interval '7 days'`, sweep)
  expect((await read(uploadId)).body.status).toBe('open')
})
