import { expect, test } from 'vitest'
import { ownDatabase } from '../../lib/events/own-database.ts'
import { startReceiver } from '../../lib/events/receiver.ts'
import { call } from '../../local/request.ts'

await ownDatabase()
const { GET } = await import('../../../api/cron/deliver.ts')
const { aListener, emitSome } = await import('../../lib/events/listener.ts')

const PATH = '/api/cron/deliver'
const run = (authorization?: string) =>
  call(GET, 'GET', PATH, authorization === undefined ? {} : { headers: { authorization } })
const asScheduler = () => run(`Bearer ${process.env.CRON_SECRET}`)

test('the scheduler that holds the secret delivers what is due of all accounts, once', async () => {
  const [good, bad] = [await startReceiver(), await startReceiver()]
  bad.answer = () => ({ status: 500 })
  await emitSome((await aListener(good.url)).accountId, 3)
  await emitSome((await aListener(good.url)).accountId, 2)
  await emitSome((await aListener(bad.url)).accountId)

  const { status, body } = await asScheduler()
  expect({ status, body }).toEqual({ status: 200, body: { delivered: 5, failed: 1 } })
  expect(good.received).toHaveLength(5)
  expect((await asScheduler()).body).toEqual({ delivered: 0, failed: 0 })
})

test('nobody else does', async () => {
  const receiver = await startReceiver()
  await emitSome((await aListener(receiver.url)).accountId)
  for (const authorization of [undefined, 'Bearer undefined', `Bearer ${process.env.CRON_SECRET}x`])
    expect((await run(authorization)).status).toBe(401)
  expect(receiver.received).toEqual([])
})
