import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { closeServer, listen } from './listen.ts'

const neonUrl = process.env.JETTY_NEON_HTTP ?? ''
const databaseUrl = process.env.DATABASE_URL ?? ''

const ask = async (body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(neonUrl, {
    method: 'POST',
    headers: { 'neon-connection-string': databaseUrl, ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

test('rows are objects with JSON values, unless raw text or arrays are asked for', async () => {
  const query =
    "SELECT 1 AS n, true AS yes, '{1,2}'::int[] AS list, '{\"a\":1}'::jsonb AS json, 9::bigint AS big"
  expect((await ask({ query })).body.rows).toEqual([
    { n: 1, yes: true, list: [1, 2], json: { a: 1 }, big: '9' },
  ])
  const raw = { 'neon-raw-text-output': 'true', 'neon-array-mode': 'true' }
  expect((await ask({ query }, raw)).body.rows).toEqual([['1', 't', '{1,2}', '{"a": 1}', '9']])
})

test('a connection string for another server is refused', async () => {
  const elsewhere = { 'neon-connection-string': 'postgres://postgres:local@127.0.0.1:1/postgres' }
  expect(await ask({ query: 'SELECT 1' }, elsewhere)).toMatchObject({ status: 400 })
})

test('a wrong password is an error with the code PostgreSQL gives it', async () => {
  const url = new URL(databaseUrl)
  url.password = 'wrong'
  const refused = await ask({ query: 'SELECT 1' }, { 'neon-connection-string': url.href })
  expect(refused).toMatchObject({ status: 400, body: { code: '28P01' } })
})

test('what is no query is 400 with a message', async () => {
  expect(await ask({ nothing: true })).toMatchObject({
    status: 400,
    body: { message: expect.any(String) },
  })
  expect(
    await ask({ queries: [{ query: 'SELECT 1' }] }, { 'neon-batch-isolation-level': 'Chaos' }),
  ).toMatchObject({
    status: 400,
    body: { message: 'invalid isolation level' },
  })
})

test('more than 10 MiB is 413, and the server is well afterwards', async () => {
  expect((await ask({ query: 'SELECT $1', params: ['x'.repeat(10 * 1024 * 1024)] })).status).toBe(
    413,
  )
  expect((await ask({ query: 'SELECT 1' })).status).toBe(200)
})

test('a taken port is replaced by the next free one', async () => {
  const [first, second] = [createServer(), createServer()]
  const port = await listen(first)
  expect(await listen(second, port)).toBeGreaterThan(port)
  await Promise.all([closeServer(first), closeServer(second)])
})
