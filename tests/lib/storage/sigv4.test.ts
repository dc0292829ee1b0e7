import { expect, test } from 'vitest'
import {
  type CanonicalParts,
  canonicalRequest,
  fill,
} from '../../../lib/storage/canonical-request.ts'
import { presign, scopeOf, signature, signingKey } from '../../../lib/storage/sigv4.ts'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API Reference. */
const S3 = {
  region: 'us-east-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
const S3_TIME = '20130524T000000Z'
const S3_HOST = 'examplebucket.s3.amazonaws.com'

/** AWS's Signature Version 4 test suite (awslabs/aws-c-auth, tests/aws-signing-test-suite). */
const SUITE = {
  region: 'us-east-1',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
const SUITE_TIME = '20150830T123600Z'

test("AWS's published presigned GET is signed as published", () => {
  const url = presign(S3, {
    method: 'GET',
    url: `https://${S3_HOST}/test.txt`,
    query: {},
    headers: {},
    expiresInSeconds: 86_400,
    now: new Date('2013-05-24T00:00:00Z'),
  })
  expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request',
    'X-Amz-Date': S3_TIME,
    'X-Amz-Expires': '86400',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  })
})

type S3Example = {
  name: string
  request: Pick<CanonicalParts, 'method' | 'path' | 'query' | 'headers'>
  payloadHash?: string
  expected: string
}

const s3Examples: S3Example[] = [
  {
    name: 'GET object with a range',
    request: { method: 'GET', path: '/test.txt', query: {}, headers: { Range: 'bytes=0-9' } },
    expected: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'PUT object with a dollar sign in its key',
    request: {
      method: 'PUT',
      path: '/test%24file.text',
      query: {},
      headers: {
        Date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
    },
    payloadHash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    expected: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'GET bucket lifecycle: a query name without a value',
    request: { method: 'GET', path: '/', query: { lifecycle: '' }, headers: {} },
    expected: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'GET bucket: two query names',
    request: { method: 'GET', path: '/', query: { prefix: 'J', 'max-keys': '2' }, headers: {} },
    expected: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
]

test.each(s3Examples)("AWS's published example: $name", ({ request, payloadHash, expected }) => {
  const hash = payloadHash ?? EMPTY
  const headers = {
    ...request.headers,
    Host: S3_HOST,
    'x-amz-date': S3_TIME,
    'x-amz-content-sha256': hash,
  }
  const canonical = fill(canonicalRequest({ ...request, headers, payloadHash: hash }), {})
  const head = `AWS4-HMAC-SHA256\n${S3_TIME}\n${scopeOf(S3, S3_TIME, 's3')}\n`
  expect(signature(signingKey(S3, '20130524', 's3'), head, canonical)).toBe(expected)
})

const LETTERS = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
type SuiteCase = {
  name: string
  query: Record<string, string>
  headers?: Record<string, string>
  expected: string
}

const suiteCases: SuiteCase[] = [
  {
    name: 'get-vanilla-query',
    query: {},
    expected: 'e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d',
  },
  {
    name: 'get-vanilla-query-order-key-case',
    query: { Param2: 'value2', Param1: 'value1' },
    expected: '86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5',
  },
  {
    name: 'get-vanilla-query-unreserved',
    query: { [LETTERS]: LETTERS },
    expected: '8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf',
  },
  {
    name: 'get-vanilla-utf8-query',
    query: { ሴ: 'bar' },
    expected: '0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600',
  },
  {
    name: 'get-header-value-trim',
    query: {},
    headers: { 'My-Header1': ' value1', 'My-Header2': ' "a   b   c"' },
    expected: 'e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4',
  },
]

test.each(suiteCases)("AWS's signing test suite, signed query: $name", (vector) => {
  const scope = scopeOf(SUITE, SUITE_TIME, 'service')
  const headers = { Host: 'example.amazonaws.com', ...vector.headers }
  const names = Object.keys(headers).map((name) => name.toLowerCase())
  const canonical = canonicalRequest({
    method: 'GET',
    path: '/',
    query: {
      ...vector.query,
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `${SUITE.accessKeyId}/${scope}`,
      'X-Amz-Date': SUITE_TIME,
      'X-Amz-Expires': '3600',
      'X-Amz-SignedHeaders': names.join(';'),
    },
    headers,
    payloadHash: EMPTY,
  })
  const head = `AWS4-HMAC-SHA256\n${SUITE_TIME}\n${scope}\n`
  const key = signingKey(SUITE, '20150830', 'service')
  expect(signature(key, head, fill(canonical, {}))).toBe(vector.expected)
})

test('a lifetime that S3 would refuse is refused here', () => {
  const request = { method: 'GET', url: 'https://s3.example/b/k', query: {}, headers: {} }
  for (const expiresInSeconds of [0, -1, 7 * 24 * 3600 + 1, Number.NaN]) {
    const now = new Date()
    expect(() => presign(S3, { ...request, expiresInSeconds, now })).toThrow(RangeError)
  }
})
