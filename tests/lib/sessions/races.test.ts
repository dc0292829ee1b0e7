import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { sweep } from '../../../lib/sweep/sweep.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anOpenUpload } from './tracking.ts'

const LONG_ENOUGH_MS = 300

/** Runs `act` while somebody else is half-way through a change of an upload: it has the locks, and has not committed. */
async function whileChanging<T>(
  { accountId, uploadId }: { accountId: string; uploadId: string },
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

const CLOSED = { status: 409, body: { type: '/errors/upload-closed', uploadStatus: 'aborting' } }

test('no session starts, or moves on, on an upload that somebody is just ending', async () => {
  for (const action of ['start', 'progress']) {
    const upload = await anOpenUpload()
    const sessionId = crypto.randomUUID()
    const report = { action, sessionId, uploadId: upload.uploadId }
    const answer = await whileChanging(upload, `state = 'aborting'`, () => upload.track(report))
    expect(answer).toMatchObject(CLOSED)
    const rows = await query(sql`SELECT id FROM upload_sessions WHERE id = ${sessionId}`)
    expect(rows).toEqual([])
  }
})

test('an upload that a report reached before the sweep is not expired', async () => {
  const upload = await anOpenUpload()
  const { uploadId, track, read } = upload
  const { sessionId } = (await track({ action: 'start', uploadId })).body.session
  const late = sql`UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = ${uploadId}`
  await query(late)
  const inTime = `updated_at = now()`
  await whileChanging(upload, inTime, async () => {
    const reporting = track({ action: 'progress', sessionId })
    await sleep(LONG_ENOUGH_MS / 2)
    const sweeping = sweep()
    expect((await reporting).status).toBe(200)
    await sweeping
  })
  expect((await read(uploadId)).body.status).toBe('open')
})
