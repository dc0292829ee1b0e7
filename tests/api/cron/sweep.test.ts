import { expect, test } from 'vitest'
import { GET } from '../../../api/cron/sweep.ts'
import { call } from '../../local/request.ts'

const PATH = '/api/cron/sweep'

test('the scheduler that holds the secret runs the sweep', async () => {
  const answer = await call(GET, 'GET', PATH, {
    headers: { authorization: `Bearer ${process.env.CRON_SECRET}` },
  })
  expect(answer.status).toBe(200)
  const names = 'completed expired released trashed blobs orphans reconciled differences'.split(' ')
  expect(answer.body).toEqual(Object.fromEntries(names.map((name) => [name, expect.any(Number)])))
})

test('nobody else does', async () => {
  expect((await call(GET, 'GET', PATH)).status).toBe(401)
  expect(
    (await call(GET, 'GET', PATH, { headers: { authorization: 'Bearer undefined' } })).status,
  ).toBe(401)
  expect(
    (
      await call(GET, 'GET', PATH, {
        headers: { authorization: `Bearer ${process.env.CRON_SECRET}x` },
      })
    ).status,
  ).toBe(401)
})
