import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Functions, startFunctions } from './functions.ts'

const root = join(import.meta.dirname, 'fixtures/project')
let functions: Functions

beforeAll(async () => {
  functions = await startFunctions({
    root,
    location: { latitude: '51.5', longitude: '-0.1', city: 'São Paulo' },
  })
})
afterAll(() => functions.stop())

const ask = (path: string, init?: RequestInit) =>
  fetch(functions.url + path, { redirect: 'manual', ...init })
const askJson = async (path: string, init?: RequestInit) => (await ask(path, init)).json()

test('a method without an export is 405 with an empty body, HEAD and OPTIONS included', async () => {
  for (const method of ['PUT', 'HEAD', 'OPTIONS', 'DELETE']) {
    const response = await ask('/api/echo', { method })
    expect([method, response.status, await response.text()]).toEqual([method, 405, ''])
  }
})

test('a [name] segment is in the query of the request', async () => {
  expect(await askJson('/api/things/a%20b?x=1')).toMatchObject({ query: { x: '1', id: 'a b' } })
})

test('a [name] is one segment, and an exact file goes before it', async () => {
  expect((await ask('/api/things/a/b')).status).toBe(404)
  expect(await askJson('/api/things/fixed')).toEqual({ fixed: true })
})

test('files that begin with _ or . and declarations are no functions', async () => {
  for (const path of ['/api/_private', '/api/types.d', '/api/types']) {
    expect([path, (await ask(path)).status]).toEqual([path, 404])
  }
})

test('a path with the extension of its file redirects to the one without', async () => {
  const response = await ask('/api/echo.ts')
  expect([response.status, response.headers.get('location')]).toEqual([308, '/api/echo'])
})

test('headers, redirects and rewrites of vercel.json apply', async () => {
  expect((await ask('/')).headers.get('x-from-config')).toBe('yes')
  expect((await ask('/api/echo')).headers.get('x-from-config')).toBe('yes')
  const moved = await ask('/old/page')
  expect([moved.status, moved.headers.get('location')]).toEqual([308, '/new/page'])
  expect(await askJson('/d/42')).toMatchObject({ path: '/d/42', query: { id: '42' } })
})

test('public files are served with their type, and nothing above public/', async () => {
  const page = await ask('/')
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect((await ask('/style.css')).headers.get('content-type')).toBe('text/css; charset=utf-8')
  expect(await raw('GET /%2e%2e/vercel.json HTTP/1.1')).toMatch(/^HTTP\/1.1 404/)
})

test('the platform says who calls, from where, and under which id; a client cannot', async () => {
  const headers = {
    'x-forwarded-for': '1.2.3.4',
    'x-vercel-ip-country': 'XX',
    'x-vercel-id': 'mine',
    'x-other': 'kept',
  }
  const seen = (await askJson('/api/echo', { headers })).headers
  expect(seen).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-real-ip': '127.0.0.1',
    'x-vercel-ip-latitude': '51.5',
    'x-vercel-ip-city': 'S%C3%A3o%20Paulo',
    'x-other': 'kept',
  })
  expect(seen['x-vercel-ip-country']).toBeUndefined()
  expect(seen['x-vercel-id']).toMatch(/^dev1::\w+/)
})

test('a request of 4.5 MB passes and one byte more is 413', async () => {
  const post = (size: number) => ask('/api/echo', { method: 'POST', body: 'x'.repeat(size) })
  expect(await (await post(4_500_000)).json()).toMatchObject({ bytes: 4_500_000 })
  const refused = await post(4_500_001)
  expect([refused.status, refused.headers.get('x-vercel-error')]).toEqual([
    413,
    'FUNCTION_PAYLOAD_TOO_LARGE',
  ])
})

test('an answer over 4.5 MB is 500, an event stream is not limited', async () => {
  expect((await ask('/api/large?bytes=4500001')).status).toBe(500)
  const stream = await ask('/api/large?bytes=4500001&stream=1')
  expect((await stream.text()).length).toBe(4_500_001)
})

test('a function that takes longer than its maxDuration is answered for with 504', async () => {
  const response = await ask('/api/slow')
  expect([response.status, response.headers.get('x-vercel-error')]).toEqual([
    504,
    'FUNCTION_INVOCATION_TIMEOUT',
  ])
})

test('a function that throws, or hides its methods behind a default export, is 500', async () => {
  expect((await ask('/api/throws')).status).toBe(500)
  expect((await ask('/api/hidden')).status).toBe(500)
})

test('a client that goes away in the middle leaves the server well', async () => {
  const socket = connect(functions.port, '127.0.0.1')
  socket.write('POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nonly this')
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  expect((await ask('/api/echo')).status).toBe(200)
})

test('calls are counted by method and path', async () => {
  const before = functions.calls.get('GET /api/counted') ?? 0
  await ask('/api/counted?a=1')
  await ask('/api/counted?a=2')
  expect(functions.calls.get('GET /api/counted')).toBe(before + 2)
})

test('several Set-Cookie headers stay several', async () => {
  expect((await ask('/api/cookies')).headers.getSetCookie()).toEqual(['a=1', 'b=2'])
})

function raw(requestLine: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(functions.port, '127.0.0.1')
    socket.end(`${requestLine}\r\nhost: x\r\nconnection: close\r\n\r\n`)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('close', () => resolve(text))
  })
}
