import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { ownDatabase } from './own-database.ts'
import { eventIn, isSignedWith, startReceiver } from './receiver.ts'

await ownDatabase()
const proxies = await throughProxies()
const { uploadWhole } = await import('../../local/uploading.ts')
const { query } = await import('../../../lib/db/client.ts')
const { deliverEvents } = await import('../../../lib/events/deliver.ts')
const { disableEndpoint, setEndpoint } = await import('../../../lib/events/endpoint.ts')
const { RETRY_SECONDS } = await import('../../../lib/events/ladder.ts')
const { pruneEventsStatement } = await import('../../../lib/events/outbox.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { aListener, emitSome, letTimePass, outboxOf } = await import('./listener.ts')

test('an upload arrives as an event that the signing secret verifies, and no other', async () => {
  const receiver = await startReceiver()
  const { accountId, apiKey, signingSecret } = await aListener(receiver.url)
  const content = await aContent(1000)
  const fileId = await uploadWhole(apiKey, content, 'videos/a')
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 1, failed: 0 })

  const [message] = receiver.received
  if (!message) throw new Error('nothing came')
  const [event] = await outboxOf(accountId)
  expect(message.id).toBe(`msg_${event?.id}`)
  expect(eventIn(message)).toEqual({
    type: 'upload.completed',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    data: {
      uploadId: expect.any(String),
      fileHash: content.fileHash,
      fileSize: 1000,
      files: [{ fileId, path: 'videos/a' }],
    },
  })
  expect(isSignedWith(message, signingSecret)).toBe(true)
  expect(isSignedWith(message, `whsec_${'A'.repeat(43)}=`)).toBe(false)
  expect(isSignedWith({ ...message, body: `${message.body} ` }, signingSecret)).toBe(false)
})

test('what was sent and not recorded is sent again, under the same id and word for word', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  const [id] = await emitSome(accountId)
  receiver.answer = () => {
    proxies.sql.fault = () => 'refuse'
    return { status: 204 }
  }
  await expect(deliverEvents({ accountId })).rejects.toThrow()
  proxies.sql.fault = undefined
  receiver.answer = undefined

  // Its lease is not over: perhaps the runner lives.
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 0, failed: 0 })
  const [leased] = await outboxOf(accountId)
  expect(leased).toMatchObject({ attempts: 1, isDelivered: false })
  expect(leased?.waits).toBeGreaterThan(60)
  expect(leased?.waits).toBeLessThanOrEqual(90)

  await letTimePass(accountId)
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 1, failed: 0 })
  expect(receiver.received.map((one) => one.id)).toEqual([`msg_${id}`, `msg_${id}`])
  const [first, second] = receiver.received
  expect(first?.body).toBe(second?.body)
})

test('a receiver that fails is asked again down the whole ladder; then the event is given up', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId)
  receiver.answer = () => ({ status: 500 })
  for (const [n, step] of RETRY_SECONDS.entries()) {
    expect(await deliverEvents({ accountId })).toEqual({ delivered: 0, failed: 1 })
    const [event] = await outboxOf(accountId)
    expect(event).toMatchObject({ attempts: n + 1, status: 500, error: 'answered 500' })
    expect(event?.waits).toBeGreaterThan(step - 5)
    expect(event?.waits).toBeLessThanOrEqual(step * 1.1)
    // Not a moment earlier.
    expect(await deliverEvents({ accountId })).toEqual({ delivered: 0, failed: 0 })
    await letTimePass(accountId)
  }
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 0, failed: 1 })
  expect(await outboxOf(accountId)).toMatchObject([
    { attempts: 10, isGivenUp: true, isDelivered: false },
  ])
  await letTimePass(accountId)
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 0, failed: 0 })
  expect(receiver.received).toHaveLength(10)
  expect(new Set(receiver.received.map(({ id, body }) => id + body)).size).toBe(1)
})

test('a receiver that fails first and then takes it ends the ladder', async () => {
  const receiver = await startReceiver()
  const { accountId, signingSecret } = await aListener(receiver.url)
  await emitSome(accountId)
  receiver.answer = () => ({ status: receiver.received.length === 1 ? 503 : 200 })
  await deliverEvents({ accountId })
  await letTimePass(accountId)
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 1, failed: 0 })
  expect(await outboxOf(accountId)).toMatchObject([
    { attempts: 2, isDelivered: true, status: 200, error: null },
  ])
  expect(receiver.received.every((message) => isSignedWith(message, signingSecret))).toBe(true)
})

test('Retry-After is waited for', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId)
  receiver.answer = () => ({ status: 429, headers: { 'retry-after': '600' } })
  await deliverEvents({ accountId })
  const [event] = await outboxOf(accountId)
  expect(event?.waits).toBeGreaterThan(590)
  expect(event?.waits).toBeLessThanOrEqual(660)
})

test('410 ends the endpoint: what waits is given up, nothing more is sent or emitted, until it is set again', async () => {
  const receiver = await startReceiver()
  const { accountId, apiKey } = await aListener(receiver.url)
  await emitSome(accountId, 30)
  receiver.answer = () => ({ status: 410 })
  await deliverEvents({ accountId })
  const heard = receiver.received.length
  expect(heard).toBeLessThanOrEqual(4)
  const events = await outboxOf(accountId)
  expect(events.map(({ isGivenUp }) => isGivenUp)).toEqual(Array(30).fill(true))
  expect(events.filter(({ error }) => error === 'answered 410')).toHaveLength(heard)
  const [endpoint] = await query(sql`SELECT * FROM event_endpoints WHERE account_id = ${accountId}`)
  expect(endpoint).toMatchObject({
    disabled_at: expect.anything(),
    disabled_reason: 'answered 410',
  })

  await uploadWhole(apiKey, await aContent(10), 'a')
  expect(await outboxOf(accountId)).toHaveLength(30)
  await letTimePass(accountId)
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 0, failed: 0 })
  expect(receiver.received).toHaveLength(heard)

  receiver.answer = undefined
  await setEndpoint(accountId, receiver.url)
  await uploadWhole(apiKey, await aContent(11), 'b')
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 1, failed: 0 })
})

test('a 410 from before the endpoint was set anew does not end the new one', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId, 2)
  receiver.answer = async () => {
    receiver.answer = undefined
    await setEndpoint(accountId, receiver.url)
    return { status: 410 }
  }
  await deliverEvents({ accountId })
  const [row] = await query(
    sql`SELECT disabled_at FROM event_endpoints WHERE account_id = ${accountId}`,
  )
  expect(row?.disabled_at).toBeNull()
  await disableEndpoint(accountId, 'another', 'x')
  expect((await outboxOf(accountId)).filter(({ isGivenUp }) => isGivenUp)).toHaveLength(1)
})

test('of several runners at once each event is sent by one', async () => {
  const receiver = await startReceiver()
  const accounts = await Promise.all(Array.from({ length: 4 }, () => aListener(receiver.url)))
  const ids = (await Promise.all(accounts.map(({ accountId }) => emitSome(accountId, 25)))).flat()
  let delivered = 0
  while (delivered < ids.length) {
    const runs = await Promise.all(Array.from({ length: 5 }, () => deliverEvents()))
    delivered += runs.reduce((sum, run) => sum + run.delivered, 0)
    expect(runs.every(({ failed }) => failed === 0)).toBe(true)
  }
  expect(receiver.received.map(({ id }) => id).sort()).toEqual(ids.map((id) => `msg_${id}`).sort())
  for (const { accountId } of accounts)
    expect(
      (await outboxOf(accountId)).every((event) => event.isDelivered && event.attempts === 1),
    ).toBe(true)
})

test('one run sends all that is due, not many at a time to one host', async () => {
  const receiver = await startReceiver()
  receiver.answer = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return { status: 204 }
  }
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId, 130)
  expect(await deliverEvents()).toEqual({ delivered: 130, failed: 0 })
  expect(receiver.atOnceMax()).toBe(4)
})

test('an endpoint that fails holds up nobody else, and its further events are untried', async () => {
  const [bad, good] = [await startReceiver(), await startReceiver()]
  bad.answer = () => ({ status: 500 })
  const failing = await aListener(bad.url)
  await emitSome(failing.accountId, 1500)
  const other = await aListener(good.url)
  await emitSome(other.accountId, 5)

  const { delivered, failed } = await deliverEvents()
  expect(delivered).toBe(5)
  expect(failed).toBeLessThanOrEqual(4)
  expect(good.received).toHaveLength(5)
  const untried = (await outboxOf(failing.accountId)).filter(({ attempts }) => attempts === 0)
  expect(untried).toHaveLength(1500 - failed)
  expect(untried.every(({ waits, error }) => waits <= 0 && error === null)).toBe(true)
  await query(sql`DELETE FROM event_outbox WHERE account_id = ${failing.accountId}`)
})

test('events of one account reach no other’s endpoint', async () => {
  const receivers = [await startReceiver(), await startReceiver(), await startReceiver()]
  const listeners = await Promise.all(receivers.map(({ url }) => aListener(url)))
  const emitted = await Promise.all(listeners.map(({ accountId }) => emitSome(accountId, 7)))
  await Promise.all([deliverEvents(), deliverEvents()])
  await deliverEvents()
  for (const [n, { received }] of receivers.entries()) {
    expect(received.map(({ id }) => id).sort()).toEqual(emitted[n]?.map((id) => `msg_${id}`).sort())
    expect(
      received.every((message) => isSignedWith(message, listeners[n]?.signingSecret ?? '')),
    ).toBe(true)
  }
})

test('an event that came beside the end of its endpoint is given up unsent', async () => {
  const ends = [
    sql`DELETE FROM event_endpoints`,
    sql`UPDATE event_endpoints SET disabled_at = now()`,
  ]
  for (const end of ends) {
    const receiver = await startReceiver()
    const { accountId } = await aListener(receiver.url)
    await emitSome(accountId)
    await query(sql`${end} WHERE account_id = ${accountId}`)
    await deliverEvents({ accountId })
    expect(await outboxOf(accountId)).toMatchObject([
      { isGivenUp: true, error: 'there is no endpoint' },
    ])
    expect(receiver.received).toEqual([])
  }
})

test('a signing secret that no listed master key opens sends nothing, and is tried again', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId)
  await query(
    sql`UPDATE event_endpoints SET sealed_secret = 'v1.00000000.AAAA' WHERE account_id = ${accountId}`,
  )
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 0, failed: 1 })
  expect(await outboxOf(accountId)).toMatchObject([{ isGivenUp: false, attempts: 1 }])
  expect(receiver.received).toEqual([])
})

test('a run that is out of time leaves the rest as it was', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId, 3)
  expect(await deliverEvents({ accountId, beginBefore: Date.now() - 1 })).toEqual({
    delivered: 0,
    failed: 0,
  })
  expect(await outboxOf(accountId)).toMatchObject(
    Array(3).fill({ attempts: 0, isDelivered: false, status: null }),
  )
  expect(receiver.received).toEqual([])
  expect(await deliverEvents({ accountId })).toEqual({ delivered: 3, failed: 0 })
})

test('a runner that was slow to record says nothing about what another one has in hand', async () => {
  for (const second of [500, 204]) {
    const receiver = await startReceiver()
    const { accountId } = await aListener(receiver.url)
    await emitSome(accountId)
    receiver.answer = async () => {
      receiver.answer = () => ({ status: second })
      await letTimePass(accountId)
      await deliverEvents({ accountId })
      return { status: 503 }
    }
    await deliverEvents({ accountId })
    const [event] = await outboxOf(accountId)
    expect(event).toMatchObject({ attempts: 2, isDelivered: second === 204, status: second })
    if (second === 500) expect(event?.waits).toBeGreaterThan(290)
  }
})

test('what arrived counts as delivered, although another runner took it over and failed', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  await emitSome(accountId)
  receiver.answer = async () => {
    receiver.answer = () => ({ status: 410 })
    await letTimePass(accountId)
    await deliverEvents({ accountId })
    return { status: 200 }
  }
  await deliverEvents({ accountId })
  expect(await outboxOf(accountId)).toMatchObject([{ isDelivered: true, isGivenUp: false }])
})

test('a delivery costs two round trips to Postgres, none due one', async () => {
  const receiver = await startReceiver()
  const { accountId } = await aListener(receiver.url)
  proxies.sql.passed.length = 0
  await deliverEvents({ accountId })
  expect(proxies.sql.passed).toHaveLength(1)
  await emitSome(accountId, 10)
  proxies.sql.passed.length = 0
  await deliverEvents({ accountId })
  expect(proxies.sql.passed).toHaveLength(2)
})

test('events are forgotten after thirty days', async () => {
  const { accountId } = await aListener((await startReceiver()).url)
  const [old] = await emitSome(accountId, 2)
  await query(
    sql`UPDATE event_outbox SET created_at = now() - interval '31 days' WHERE id = ${old}`,
  )
  await query(pruneEventsStatement())
  expect(await outboxOf(accountId)).toHaveLength(1)
})
