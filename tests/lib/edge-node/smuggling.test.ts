import { connect } from 'node:net'
import { expect, test } from 'vitest'
import {
  askRaw,
  closed,
  makeOrigin,
  makeRecorder,
  makeRelay,
  makeToken,
  PATH,
  URL_OF_OBJECT,
  until,
} from './harness.ts'

const HOST = 'Host: relay.example\r\n'
const grant = () => `x-jetty-grant: ${makeToken()}\r\n`
const put = (rest: string) => `PUT ${URL_OF_OBJECT} HTTP/1.1\r\n${HOST}${grant()}${rest}`
const EVIL = 'DELETE /bucket/users/eve/o HTTP/1.1\r\nHost: s3\r\n\r\n'

const NEVER_SENT: [string, () => string, RegExp][] = [
  [
    'CL and TE',
    () => put('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    /^HTTP\/1.1 400/,
  ],
  [
    'TE and CL',
    () => put('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n'),
    /^HTTP\/1.1 400/,
  ],
  [
    'chunks',
    () => put('Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
    /^HTTP\/1.1 411/,
  ],
  [
    'chunks in capitals',
    () => put('TRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n'),
    /^HTTP\/1.1 411/,
  ],
  [
    'TE that only looks like chunked',
    () => put('Transfer-Encoding: xchunked\r\n\r\n'),
    /^HTTP\/1.1 4(00|11)/,
  ],
  [
    'TE behind a space',
    () => put('Content-Length: 3\r\nTransfer-Encoding : chunked\r\n\r\nabc'),
    /^HTTP\/1.1 400/,
  ],
  ['no length', () => put('\r\n'), /^HTTP\/1.1 411/],
  [
    'two lengths',
    () => put('Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'),
    /^HTTP\/1.1 400/,
  ],
  [
    'one length twice',
    () => put('Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc'),
    /^HTTP\/1.1 400/,
  ],
  ['a list of lengths', () => put('Content-Length: 3, 3\r\n\r\nabc'), /^HTTP\/1.1 400/],
  ['a length with +', () => put('Content-Length: +3\r\n\r\nabc'), /^HTTP\/1.1 400/],
  ['a length with -', () => put('Content-Length: -3\r\n\r\nabc'), /^HTTP\/1.1 400/],
  ['a length with a space inside', () => put('Content-Length: 3 0\r\n\r\nabc'), /^HTTP\/1.1 400/],
  ['a length in hex', () => put('Content-Length: 0x3\r\n\r\nabc'), /^HTTP\/1.1 400/],
  [
    'a length beyond numbers',
    () => put(`Content-Length: ${'9'.repeat(30)}\r\n\r\nabc`),
    /^HTTP\/1.1 400/,
  ],
  ['a space before the colon', () => put('Content-Length : 3\r\n\r\nabc'), /^HTTP\/1.1 400/],
  [
    'a folded header',
    () => put('Content-Length: 3\r\nContent-Type: a/b\r\n  c: d\r\n\r\nabc'),
    /^HTTP\/1.1 40[03]/,
  ],
  ['a bare line feed', () => put('Content-Length: 3\nX: y\r\n\r\nabc'), /^HTTP\/1.1 400/],
  [
    'a bare carriage return',
    () => put('Content-Length: 3\r\nContent-Type: a\rb\r\n\r\nabc'),
    /^HTTP\/1.1 400/,
  ],
  [
    'a zero byte',
    () => put('Content-Length: 3\r\nContent-Type: a\0b\r\n\r\nabc'),
    /^HTTP\/1.1 400/,
  ],
  [
    'a byte beyond ASCII',
    () => put('Content-Length: 3\r\nContent-Type: a\xffb\r\n\r\nabc'),
    /^HTTP\/1.1 40[03]/,
  ],
  ['a space in the URL', () => `${put('').replace('object', 'ob ject')}\r\n`, /^HTTP\/1.1 400/],
  [
    'a line break in the URL',
    () => `${put('').replace('object', 'ob\rject')}\r\n`,
    /^HTTP\/1.1 400/,
  ],
  [
    'HTTP/1.0',
    () => put('Content-Length: 0\r\n\r\n').replace('HTTP/1.1', 'HTTP/1.0'),
    /^HTTP\/1.1 403/,
  ],
  ['HTTP/0.9', () => `GET ${PATH}\r\n\r\n`, /^HTTP\/1.1 40[03]/],
  ['no Host', () => put('Content-Length: 0\r\n\r\n').replace(HOST, ''), /^HTTP\/1.1 400/],
  ['HTTP/2 from the start', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1.1 400|^$/],
  ['CONNECT', () => `CONNECT s3.example:443 HTTP/1.1\r\n${HOST}${grant()}\r\n`, /^HTTP\/1.1 403/],
  [
    'an absolute URL',
    () => put('Content-Length: 0\r\n\r\n').replace('PUT ', 'PUT http://s3.example'),
    /^HTTP\/1.1 403/,
  ],
  [
    'a body behind a GET',
    () => `GET ${URL_OF_OBJECT} HTTP/1.1\r\n${HOST}${grant()}Content-Length: 5\r\n\r\nabcde`,
    /^HTTP\/1.1 403/,
  ],
  [
    'a header section above 16 KiB',
    () => put(`X-Pad: ${'a'.repeat(17_000)}\r\n\r\n`),
    /^HTTP\/1.1 431/,
  ],
  [
    'more than 64 headers',
    () => put(`${'X-Pad: a\r\n'.repeat(70)}Content-Length: 0\r\n\r\n`),
    /^HTTP\/1.1 431/,
  ],
  [
    'a copy source behind 2,000 headers',
    () => put(`${'a: b\r\n'.repeat(2000)}x-amz-copy-source: /b/k\r\nContent-Length: 0\r\n\r\n`),
    /^HTTP\/1.1 431/,
  ],
  [
    'another expectation',
    () => put('Content-Length: 3\r\nExpect: 200-ok\r\n\r\n'),
    /^HTTP\/1.1 417/,
  ],
]

test.each(NEVER_SENT)('%s never reaches the origin', async (_name, text, answer) => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  expect(await askRaw(relay.port, text())).toMatch(answer)
  expect(received).toHaveLength(0)
})

test('what follows a body is a request of its own and needs its own grant', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const answer = await askRaw(relay.port, `${put('Content-Length: 3\r\n\r\nabc')}${EVIL}`)
  expect(answer.match(/^HTTP\/1.1 \d+/gm)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403'])
  expect(received.map(({ body }) => body.toString())).toEqual(['abc'])
})

test('bytes that look like a request stay body', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  await askRaw(relay.port, put(`Content-Length: ${EVIL.length}\r\n\r\n${EVIL}`))
  expect(received.map(({ method, body }) => [method, body.toString()])).toEqual([['PUT', EVIL]])
})

test('a second request before the first answer is refused, however well it is granted', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const one = put('Content-Length: 3\r\n\r\nabc')
  const answer = await askRaw(relay.port, one.repeat(3))
  expect(answer).toMatch(/^HTTP\/1.1 200/)
  expect(answer).toContain('one request at a time')
  expect(received).toHaveLength(1)
})

test('rubbish behind a request does not put words into the answer that is on its way', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': 1000 }).write('abc')
  })
  const relay = await makeRelay(url)
  const get = `GET ${URL_OF_OBJECT} HTTP/1.1\r\n${HOST}${grant()}\r\n`
  const socket = connect(relay.port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  socket.write(get)
  await until(() => answer.endsWith('abc'))
  socket.write('rubbish\r\n\r\n')
  await closed(socket)
  expect(answer).toMatch(/^HTTP\/1.1 200[\s\S]*\r\n\r\nabc$/)
})

test('one connection carries one request after another', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const response = async () => {
    const headers = { 'x-jetty-grant': makeToken() }
    return await fetch(relay.url + URL_OF_OBJECT, { method: 'PUT', headers, body: 'abc' })
  }
  for (const _ of [1, 2, 3]) expect((await response()).status).toBe(200)
  expect(received).toHaveLength(3)
})

test('a refused body is not asked for where the client waits to be told', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const refused = put('Content-Length: 3\r\nExpect: 100-continue\r\n\r\n').replace('ada', 'eve')
  const answer = await askRaw(relay.port, refused)
  expect(answer).toMatch(/^HTTP\/1.1 403/)
  expect(answer.toLowerCase()).toContain('connection: close')
})

test('an admitted body is asked for', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const answer = await askRaw(relay.port, put('Content-Length: 3\r\nExpect: 100-continue\r\n\r\n'))
  expect(answer).toBe('HTTP/1.1 100 Continue\r\n\r\n')
})

test('headers that trickle in are cut off', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url, { headersMs: 500 })
  const startedAt = Date.now()
  const answer = await askRaw(relay.port, put('X-Slow: '), 6_000)
  expect(answer).toMatch(/^HTTP\/1.1 408/)
  expect(Date.now() - startedAt).toBeLessThan(5_500)
})
