import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkHeaders } from '../../../lib/edge-node/check-headers.ts'
import {
  type Ask,
  ask,
  makeGrant,
  makeRecorder,
  makeRelay,
  makeToken,
  PATH,
  QUERY,
  URL_OF_OBJECT,
} from './harness.ts'

const NOW = Math.floor(Date.now() / 1000)
const PART = `${URL_OF_OBJECT}&partNumber=1&uploadId=abc`

/** What every presigned URL of this project looks like, in the order SigV4 gives it. */
const WHOLE =
  `${PATH}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD` +
  '&X-Amz-Credential=AKIA%2F20261123%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261123T000000Z' +
  '&X-Amz-Expires=900&X-Amz-Signature=00ff&X-Amz-SignedHeaders=content-length%3Bhost' +
  '&partNumber=3&uploadId=a.b-c~_%2F%2B%3D&x-id=UploadPart'

const PASSES: [string, Ask][] = [
  ['PUT of an object', { path: URL_OF_OBJECT }],
  ['PUT of a part', { path: PART }],
  ['PUT of a part with all that SigV4 adds', { path: WHOLE }],
  ['GET', { method: 'GET' }],
  ['HEAD', { method: 'HEAD' }],
  ['GET as a download', { method: 'GET', path: `${URL_OF_OBJECT}&response-content-disposition=a` }],
  [
    'PUT with the guard against copies',
    { headers: { 'x-amz-copy-source-if-match': '"none"', 'x-amz-copy-source-range': 'bytes=9-9' } },
  ],
  ['PUT that goes on after 100 Continue', { headers: { expect: '100-continue' } }],
  ['PUT with cookies and proxies', { headers: { cookie: 'a', 'x-forwarded-for': ['1', '2'] } }],
  ['an escaped @ and :', { path: `/bucket/users/a%40b%3ac/o?${QUERY}`, token: user('a@b:c') }],
  ['a plain @ and :', { path: `/bucket/users/a@b:c/o?${QUERY}`, token: user('a@b:c') }],
  ['a folder below', { path: `/bucket/users/ada/x/y.z?${QUERY}` }],
  ['a grant for two relays', { token: makeToken({ relays: ['par-1', 'lon-1'] }) }],
]

test.each(PASSES)('%s passes', async (_name, what) => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const { status } = await ask(relay.url, what)
  expect(status).toBe(200)
  expect(received).toHaveLength(1)
  expect(received[0]?.url).toBe(what.path ?? URL_OF_OBJECT)
})

const REFUSED: [string, string, Ask][] = [
  ['no grant', 'grant-required', { token: null }],
  ['an empty grant', 'grant-invalid', { token: '' }],
  ['a grant that is text', 'grant-invalid', { token: 'let me in' }],
  ['a grant signed by somebody else', 'grant-invalid', { token: forged() }],
  ['a grant for other relays', 'grant-invalid', { token: makeToken({ relays: ['par-1'] }) }],
  ['a grant of next month', 'grant-invalid', { token: makeToken({ exp: NOW + 30 * 86_400 }) }],
  ['an expired grant', 'grant-expired', { token: makeToken({ exp: NOW - 1 }) }],
  ['two grants', 'edge-refused', { token: null, headers: { 'x-jetty-grant': [makeToken(), 'x'] } }],
  [
    'more bytes than the grant',
    'grant-exceeded',
    { token: makeToken({ bytes: 2 }), body: three() },
  ],

  ['another account', 'edge-refused', { path: `/bucket/users/eve/object?${QUERY}` }],
  ['an account that begins alike', 'edge-refused', { path: `/bucket/users/adaline/o?${QUERY}` }],
  ['the prefix itself', 'edge-refused', { path: `/bucket/users/ada/?${QUERY}` }],
  ['all users', 'edge-refused', { method: 'GET', path: `/bucket/users/?${QUERY}` }],
  ['another folder', 'edge-refused', { path: `/bucket/other/ada/o?${QUERY}` }],
  ['another bucket', 'edge-refused', { path: `/buckets/users/ada/object?${QUERY}` }],
  ['the bucket', 'edge-refused', { method: 'GET', path: `/bucket?${QUERY}` }],
  ['a prefix in other case', 'edge-refused', { path: `/bucket/Users/ada/object?${QUERY}` }],
  ['an absolute URL', 'edge-refused', { path: `http://evil.example${URL_OF_OBJECT}` }],
  ['a URL with two slashes', 'edge-refused', { path: `//evil.example${URL_OF_OBJECT}` }],

  ['..', 'edge-refused', { path: `/bucket/users/ada/../eve/o?${QUERY}` }],
  ['.. at the end', 'edge-refused', { path: `/bucket/users/ada/..?${QUERY}` }],
  ['.', 'edge-refused', { path: `/bucket/users/ada/./o?${QUERY}` }],
  ['%2e%2e', 'edge-refused', { path: `/bucket/users/ada/%2e%2e/eve/o?${QUERY}` }],
  ['.%2E', 'edge-refused', { path: `/bucket/users/ada/.%2E/eve/o?${QUERY}` }],
  ['%2f', 'edge-refused', { path: `/bucket/users/ada/..%2feve%2fo?${QUERY}` }],
  ['%5c', 'edge-refused', { path: `/bucket/users/ada/..%5ceve?${QUERY}` }],
  ['a backslash', 'edge-refused', { path: `/bucket/users/ada/..\\eve?${QUERY}` }],
  ['%252e', 'edge-refused', { path: `/bucket/users/ada/%252e%252e/eve?${QUERY}` }],
  ['%00', 'edge-refused', { path: `/bucket/users/ada/o%00?${QUERY}` }],
  ['an overlong dot', 'edge-refused', { path: `/bucket/users/ada/%c0%ae%c0%ae/e?${QUERY}` }],
  ['..;', 'edge-refused', { path: `/bucket/users/ada/..;/eve/o?${QUERY}` }],
  ['an empty segment', 'edge-refused', { path: `/bucket/users/ada//o?${QUERY}` }],
  ['an escaped letter', 'edge-refused', { path: `/bucket/users/%61da/o?${QUERY}` }],
  ['a fragment', 'edge-refused', { path: `/bucket/users/ada/o#?${QUERY}` }],

  ['no query', 'edge-refused', { path: PATH }],
  ['no signature', 'edge-refused', { path: `${PATH}?X-Amz-Algorithm=AWS4-HMAC-SHA256` }],
  ['no algorithm', 'edge-refused', { path: `${PATH}?X-Amz-Signature=00` }],
  ['a V2 signature', 'edge-refused', { path: `${PATH}?AWSAccessKeyId=A&Signature=b&Expires=1` }],
  ['two signatures', 'edge-refused', { path: `${URL_OF_OBJECT}&X-Amz-Signature=11` }],
  ['an escaped name', 'edge-refused', { path: `${URL_OF_OBJECT}&%61cl=` }],
  ['a second question mark', 'edge-refused', { path: `${URL_OF_OBJECT}&acl?x=1` }],
  ['a broken escape', 'edge-refused', { path: `${URL_OF_OBJECT}&x-id=%zz` }],
  ['an empty name', 'edge-refused', { path: `${URL_OF_OBJECT}&` }],
  ['acl', 'edge-refused', { path: `${URL_OF_OBJECT}&acl` }],
  ['tagging', 'edge-refused', { path: `${URL_OF_OBJECT}&tagging=` }],
  ['delete', 'edge-refused', { path: `${URL_OF_OBJECT}&delete` }],
  ['versionId', 'edge-refused', { method: 'GET', path: `${URL_OF_OBJECT}&versionId=1` }],
  ['a copy in the query', 'edge-refused', { path: `${URL_OF_OBJECT}&x-amz-copy-source=%2Fb%2Fk` }],
  ['a capital copy', 'edge-refused', { path: `${URL_OF_OBJECT}&X-Amz-Copy-Source=%2Fb%2Fk` }],
  ['an acl in the query', 'edge-refused', { path: `${URL_OF_OBJECT}&x-amz-acl=public-read` }],
  ['listing parts', 'edge-refused', { method: 'GET', path: `${URL_OF_OBJECT}&uploadId=abc` }],
  ['a part of no upload', 'edge-refused', { path: `${URL_OF_OBJECT}&partNumber=1` }],
  ['an upload without a part', 'edge-refused', { path: `${URL_OF_OBJECT}&uploadId=abc` }],
  ['another operation', 'edge-refused', { path: `${URL_OF_OBJECT}&x-id=CopyObject` }],

  ['POST', 'edge-refused', { method: 'POST' }],
  ['DELETE', 'edge-refused', { method: 'DELETE' }],
  ['PATCH', 'edge-refused', { method: 'PATCH' }],
  ['COPY', 'edge-refused', { method: 'COPY' }],
  ['Upgrade', 'edge-refused', { headers: { upgrade: 'h2c', connection: 'upgrade' } }],
  ['credentials', 'edge-refused', { headers: { authorization: 'AWS4-HMAC-SHA256' } }],
  ['a copy source', 'edge-refused', { headers: { 'x-amz-copy-source': '/bucket/users/eve/o' } }],
  ['a copy by other case', 'edge-refused', { headers: { 'X-AMZ-Copy-Source': '/bucket/o' } }],
  ['an acl header', 'edge-refused', { headers: { 'x-amz-acl': 'public-read' } }],
  ['a header twice', 'edge-refused', { headers: { 'content-type': ['a/b', 'c/d'] } }],
  ['a checksum twice', 'edge-refused', { headers: { 'x-amz-checksum-sha256': ['a', 'b'] } }],
  [
    'a GET with a body',
    'edge-refused',
    { method: 'GET', headers: { 'content-length': 3 }, body: three() },
  ],
  ['chunks', 'length-required', { headers: { 'transfer-encoding': 'chunked' }, body: three() }],
]

test.each(REFUSED)('%s is refused as %s', async (_name, slug, what) => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const { status, problem, headers } = await askOrChunk(relay.url, what)
  expect(problem).toMatchObject({ type: `/errors/${slug}`, status })
  expect(headers['access-control-allow-origin']).toBe('*')
  expect(received).toHaveLength(0)
})

test('what reaches the origin is the signed request and nothing else', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  await ask(relay.url, {
    path: WHOLE,
    body: three(),
    headers: {
      'content-type': 'text/plain',
      'content-md5': 'm==',
      'x-amz-checksum-sha256': 'c=',
      'x-amz-copy-source-if-match': '"none"',
      host: 'evil.example',
      cookie: 'session=1',
      'user-agent': 'x',
      origin: 'https://app.example',
      referer: 'https://app.example/',
      'accept-encoding': 'gzip',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=1.2.3.4',
      via: '1.1 proxy',
      connection: 'keep-alive, x-amz-checksum-sha256',
      te: 'trailers',
      'proxy-connection': 'keep-alive',
    },
  })
  expect(received[0]?.headers).toEqual({
    host: new URL(url).host,
    connection: 'keep-alive',
    'accept-encoding': 'identity',
    'content-length': '3',
    'content-type': 'text/plain',
    'content-md5': 'm==',
    'x-amz-checksum-sha256': 'c=',
    'x-amz-copy-source-if-match': '"none"',
  })
  expect(received[0]?.url).toBe(WHOLE)
})

test('a length beside chunks does not count, should a parser ever let both through', () => {
  const headers = checkHeaders('PUT', ['Content-Length', '3', 'Transfer-Encoding', 'chunked'])
  expect(headers).toMatchObject({ refusal: 'length-required' })
})

test('what comes back is what the store says about the object, without its cookies', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const { headers } = await ask(relay.url)
  expect(headers).toMatchObject({ etag: '"abc"', 'x-amz-checksum-sha256': 'c' })
  expect(headers).not.toHaveProperty('set-cookie')
  expect(headers).not.toHaveProperty('location')
  expect(headers['access-control-expose-headers']).toContain('ETag')
})

/** Chunks go out with fetch, because `ask` always declares a length. */
async function askOrChunk(base: string, what: Ask) {
  if (what.headers?.['transfer-encoding'] === undefined) return await ask(base, what)
  const response = await fetch(base + URL_OF_OBJECT, {
    method: 'PUT',
    headers: { 'x-jetty-grant': makeToken() },
    body: new Blob([new Uint8Array(three())]).stream(),
    ...{ duplex: 'half' },
  })
  const headers: Record<string, string> = Object.fromEntries(response.headers)
  return { status: response.status, problem: await response.json(), headers }
}

function user(id: string): string {
  return makeToken({ account: id, prefix: `users/${id}/` })
}

function three(): Buffer {
  return Buffer.from('abc')
}

/** Signed with what everybody knows: the public key, as a naive verifier that trusts the token's algorithm would take it. */
function forged(): string {
  const payload = Buffer.from(JSON.stringify(makeGrant())).toString('base64url')
  return `${payload}.${createHmac('sha512', 'public').update(payload).digest('base64url')}`
}
