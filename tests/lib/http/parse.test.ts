import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { PATCH, POST, PUT } from '../../../api/storage/upload.ts'
import { anAccount } from '../../local/account.ts'
import { call } from '../../local/request.ts'

const PATH = '/api/storage/upload'

test('a body with many faults is told the first ones', async () => {
  const { apiKey } = await anAccount()
  const uploads = Array(100).fill({ uploadId: '' })
  const { status, body } = await call(PATCH, 'PATCH', PATH, { as: apiKey, body: { uploads } })
  expect(status).toBe(400)
  expect(body.errors).toHaveLength(20)
})

test('a million faulty parts are one fault for each list', async () => {
  const { apiKey } = await anAccount()
  const partHashes = Array(10_000).fill('')
  const files = Array.from({ length: 100 }, (_, n) => ({
    path: `${n}`,
    fileSize: 1,
    fileHash: `sha256:${'a'.repeat(64)}`,
    partHashes,
  }))
  const started = await call(POST, 'POST', PATH, { as: apiKey, body: { files } })
  for (const { problem } of started.body.results) expect(problem.errors).toHaveLength(1)

  const md5s = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`x${n}`, '']))
  for (const parts of [{ partNumbers: Array(10_000).fill(0) }, { md5s }]) {
    const uploads = Array.from({ length: 30 }, () => ({ uploadId: randomUUID(), ...parts }))
    const { status, body } = await call(PATCH, 'PATCH', PATH, { as: apiKey, body: { uploads } })
    expect(status).toBe(400)
    expect(body.errors).toHaveLength(20)
    expect(body.errors[0].pointer).toMatch(/^\/uploads\/0\/(partNumbers|md5s)$/)
  }
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
