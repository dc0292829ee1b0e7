import { expect, test } from 'vitest'
import { PATCH, POST, PUT } from '../../../api/storage/upload.ts'
import { anAccount } from '../../local/account.ts'
import { call } from '../../local/request.ts'

const PATH = '/api/storage/upload'

test('a body with a hundred thousand faults is told the first ones', async () => {
  const { apiKey } = await anAccount()
  const uploads = Array(100).fill({ uploadId: '', partNumbers: Array(1000).fill(0) })
  const { status, body } = await call(PATCH, 'PATCH', PATH, { as: apiKey, body: { uploads } })
  expect(status).toBe(400)
  expect(body.errors).toHaveLength(20)

  const files = Array(100).fill({ path: 'a', partHashes: Array(1000).fill('') })
  const each = await call(POST, 'POST', PATH, { as: apiKey, body: { files } })
  expect(JSON.stringify(each.body).length).toBeLessThan(500_000)
})

test('a fault in a name of a million characters does not repeat the name', async () => {
  const { apiKey } = await anAccount()
  const uploads = [{ uploadId: 'x', md5s: { ['n'.repeat(1_000_000)]: '' } }]
  const { status, body } = await call(PATCH, 'PATCH', PATH, { as: apiKey, body: { uploads } })
  expect(status).toBe(400)
  expect(JSON.stringify(body).length).toBeLessThan(1000)
})

test('whatever is not the object that is wanted is refused as problem+json', async () => {
  const { apiKey } = await anAccount()
  const bodies = ['', 'null', '[]', '7', '{', '{"files":null,"uploads":null}', '{"__proto__":{}}']
  for (const body of [...bodies, '{"files":{"length":1},"uploads":{"length":1}}']) {
    for (const [handler, method] of [
      [POST, 'POST'],
      [PATCH, 'PATCH'],
      [PUT, 'PUT'],
    ] as const) {
      const { status, headers } = await call(handler, method, PATH, { as: apiKey, body })
      const type = headers.get('content-type')
      expect({ method, body, status, type }).toEqual({
        method,
        body,
        status: 400,
        type: 'application/problem+json',
      })
    }
  }
})
