import { generateKeyPairSync, sign } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  type Grant,
  grantBytes,
  grantPublicKey,
  grantVerifier,
  readGrant,
  signGrant,
  verifyGrant,
} from '../../../lib/edges/grant.ts'

const SEED = Buffer.from(
  '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  'hex',
).toString('base64')
const PUBLIC = grantPublicKey(SEED)
const NOW = 1_800_000_000
const GRANT: Grant = {
  v: 1,
  id: 'grant-0001',
  account: 'ada',
  prefix: 'users/ada/',
  relays: ['lon-1', 'par-1'],
  bytes: 1000,
  exp: NOW + 600,
}

test('the public key of a seed is the one of RFC 8032, test 1', () => {
  expect(Buffer.from(PUBLIC, 'base64').toString('hex')).toBe(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  )
})

test('a signed grant is read back as it was', () => {
  const token = signGrant(SEED, GRANT)
  expect(verifyGrant(PUBLIC, token, NOW)).toEqual(GRANT)
  expect(verifyGrant(grantVerifier(PUBLIC), token, NOW)).toEqual(GRANT)
})

test('the longest grant fits into a token', () => {
  const id = 'u'.repeat(128)
  const relays = Array.from({ length: 6 }, (_, n) => `${n}`.repeat(64))
  const long = { ...GRANT, id: 'g'.repeat(64), account: id, prefix: `users/${id}/`, relays }
  expect(verifyGrant(PUBLIC, signGrant(SEED, long), NOW)).toEqual(long)
})

test('a grant ends at its second, and can still be told from a forged one', () => {
  const token = signGrant(SEED, GRANT)
  expect(verifyGrant(PUBLIC, token, GRANT.exp - 1)).not.toBeNull()
  expect(verifyGrant(PUBLIC, token, GRANT.exp)).toBeNull()
  expect(readGrant(PUBLIC, token, GRANT.exp)).toEqual(GRANT)
})

test('a grant of more than an hour is none, but for clocks that differ a little', () => {
  const token = (exp: number) => signGrant(SEED, { ...GRANT, exp })
  expect(verifyGrant(PUBLIC, token(NOW + 3600 + 300), NOW)).not.toBeNull()
  expect(verifyGrant(PUBLIC, token(NOW + 3600 + 301), NOW)).toBeNull()
})

test('a token that was changed, cut, doubled or spelled differently is none', () => {
  const token = signGrant(SEED, GRANT)
  const [payload = '', signature = ''] = token.split('.')
  const other = signGrant(SEED, { ...GRANT, bytes: 1001 })
  const changed = [
    '',
    '.',
    payload,
    `${payload}.`,
    `.${signature}`,
    `${token}.`,
    `${token}.${signature}`,
    `${other.split('.')[0]}.${signature}`,
    `${payload}=.${signature}`,
    `${payload}.${signature}=`,
    ` ${token}`,
    `${token}\n`,
    `${payload}.${signature.slice(0, -1)}`,
    `${payload}.${'A'.repeat(86)}`,
    `${'A'.repeat(3000)}.${signature}`,
  ]
  for (const text of changed) expect(verifyGrant(PUBLIC, text, NOW), text).toBeNull()
})

test('a signature in another base64url spelling of the same bytes is refused', () => {
  const token = signGrant(SEED, GRANT)
  const last = token.at(-1) ?? ''
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const twin = token.slice(0, -1) + alphabet[alphabet.indexOf(last) ^ 1]
  const bytes = (text: string) => Buffer.from(text.split('.')[1] ?? '', 'base64url')
  expect(bytes(twin)).toEqual(bytes(token))
  expect(verifyGrant(PUBLIC, twin, NOW)).toBeNull()
})

test('a grant signed by another key is none', () => {
  const other = Buffer.alloc(32, 1).toString('base64')
  expect(verifyGrant(PUBLIC, signGrant(other, GRANT), NOW)).toBeNull()
})

const MALFORMED: [string, unknown][] = [
  ['no object', 'grant'],
  ['null', null],
  ['another version', { ...GRANT, v: 2 }],
  ['a member too many', { ...GRANT, admin: true }],
  ['a member missing', { ...GRANT, account: undefined }],
  ['a short id', { ...GRANT, id: 'short' }],
  ['a prefix without a slash at its end', { ...GRANT, prefix: 'users/ada' }],
  ['a prefix of everything', { ...GRANT, prefix: 'users/' }],
  ['an empty user', { ...GRANT, prefix: 'users//' }],
  ['a prefix that climbs', { ...GRANT, prefix: 'users/../' }],
  ['a prefix that stays', { ...GRANT, prefix: 'users/./' }],
  ['a deeper prefix', { ...GRANT, prefix: 'users/ada/x/' }],
  ['another folder', { ...GRANT, prefix: 'other/ada/' }],
  ['a line break in the prefix', { ...GRANT, prefix: 'users/ada/\n' }],
  ['no relay', { ...GRANT, relays: [] }],
  ['seven relays', { ...GRANT, relays: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] }],
  ['a relay twice', { ...GRANT, relays: ['lon-1', 'lon-1'] }],
  ['relays as text', { ...GRANT, relays: 'lon-1' }],
  ['a relay with capitals', { ...GRANT, relays: ['LON-1'] }],
  ['negative bytes', { ...GRANT, bytes: -1 }],
  ['half a byte', { ...GRANT, bytes: 0.5 }],
  ['bytes as text', { ...GRANT, bytes: '1000' }],
  ['bytes beyond exact numbers', { ...GRANT, bytes: 2 ** 53 }],
  ['no end', { ...GRANT, exp: Number.MAX_VALUE }],
]

test.each(MALFORMED)('a well-signed grant with %s is none', (_name, value) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const payload = Buffer.from(JSON.stringify(value)).toString('base64url')
  const signature = sign(null, Buffer.from(payload), privateKey).toString('base64url')
  expect(readGrant(publicKey, `${payload}.${signature}`, NOW)).toBeNull()
})

test('what no relay would accept is not signed', () => {
  expect(() => signGrant(SEED, { ...GRANT, prefix: 'users/' })).toThrow(RangeError)
  expect(() => signGrant('AAAA', GRANT)).toThrow(RangeError)
  expect(() => grantVerifier('AAAA')).toThrow(RangeError)
})

test('the budget is 1.3 times what is missing and 64 MiB', () => {
  expect(grantBytes(0)).toBe(67_108_864)
  expect(grantBytes(1_000_000_001)).toBe(67_108_864 + 1_300_000_002)
})
