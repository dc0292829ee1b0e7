import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { backgroundWork } from '../../local/wait-until.ts'
import { ownDatabase } from './own-database.ts'
import { eventIn, startReceiver } from './receiver.ts'

await ownDatabase()
const proxies = await throughProxies()
process.env.JOBS_AFTER_REQUESTS = 'on'
const background = backgroundWork()
const { DELETE } = await import('../../../api/storage/files.ts')
const { query } = await import('../../../lib/db/client.ts')
const { deliverSoon } = await import('../../../lib/events/deliver-soon.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { anAccount } = await import('../../local/account.ts')
const { call } = await import('../../local/request.ts')
const { uploadWhole } = await import('../../local/uploading.ts')
const { aListener, emitSome, letTimePass, outboxOf } = await import('./listener.ts')

// No periodic job is due: what is sent here was sent for the request's sake.
await query(sql`
  INSERT INTO periodic_jobs (name, started_at)
  SELECT name, now() + interval '1 hour' FROM unnest(ARRAY['deliver', 'sweep', 'probe', 'roll-up']) name`)

test('what a request caused is sent right after its answer', async () => {
  const receiver = await startReceiver()
  const { apiKey } = await aListener(receiver.url)
  const fileId = await uploadWhole(apiKey, await aContent(10), 'a')
  await background.settled()
  expect(receiver.received.map((message) => eventIn(message).type)).toEqual(['upload.completed'])
  await call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}`, { as: apiKey })
  await background.settled()
  expect(receiver.received.map((message) => eventIn(message).type)).toEqual([
    'upload.completed',
    'file.deleted',
  ])
})

test('who listens to nothing costs nothing', async () => {
  const { apiKey } = await anAccount()
  await uploadWhole(apiKey, await aContent(10), 'a')
  await background.settled()
  proxies.sql.passed.length = 0
  await uploadWhole(apiKey, await aContent(11), 'b')
  const answered = proxies.sql.passed.length
  await background.settled()
  expect(proxies.sql.passed.length).toBe(answered)
})

test('of an account one runner at a time sends, and what came meanwhile is sent too', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId, 2)
  receiver.answer = async () => {
    receiver.answer = undefined
    await emitSome(accountId, 3)
    for (let n = 0; n < 10; n++) deliverSoon(accountId)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(receiver.received).toHaveLength(2)
    return { status: 204 }
  }
  proxies.sql.passed.length = 0
  for (let n = 0; n < 10; n++) deliverSoon(accountId)
  await background.settled()
  expect(receiver.received).toHaveLength(5)
  // Twice claimed and recorded, and what the receiver itself emitted.
  expect(proxies.sql.passed.length).toBe(5)
})

test('without Postgres nothing is thrown, and the next one sends', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId)
  proxies.sql.fault = () => 'refuse'
  deliverSoon(accountId)
  await background.settled()
  proxies.sql.fault = undefined
  expect(await outboxOf(accountId)).toMatchObject([{ attempts: 0 }])
  await letTimePass(accountId)
  deliverSoon(accountId)
  await background.settled()
  expect(receiver.received).toHaveLength(1)
})
