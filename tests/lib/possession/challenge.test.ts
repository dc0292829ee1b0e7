import '../../local/global-scope.ts'
import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'

const MIB = 1024 * 1024
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const STORE = { copyDigest: true }

const older = Buffer.alloc(32, 1).toString('base64')
const newer = Buffer.alloc(32, 2).toString('base64')
process.env.JETTY_MASTER_KEY = `${newer},${older}`
const { challengeOf, statementOf } = await import('../../../lib/possession/challenge.ts')

function anUpload(fileSize = 100 * MIB) {
  return {
    id: randomUUID(),
    accountId: randomUUID(),
    fileHash: `sha256:${'0'.repeat(64)}-20`,
    fileSize,
    checksum: 'sha256' as const,
  }
}

function challenge(upload = anUpload(), now = new Date()) {
  const made = challengeOf(upload, STORE, now)
  if (!made) throw new Error('no challenge')
  return made
}

test('only a file above 1 MiB is challenged for, in sha256 mode, at a store that gives digests of copies', () => {
  expect(challengeOf(anUpload(MIB), STORE)).toBeNull()
  expect(challengeOf(anUpload(MIB + 1), STORE)).not.toBeNull()
  expect(challengeOf({ ...anUpload(), checksum: 'md5' }, STORE)).toBeNull()
  expect(challengeOf(anUpload(), { copyDigest: false })).toBeNull()
})

test('a token says what the challenge said, for 15 minutes, to its account alone', () => {
  const upload = anUpload()
  const now = new Date('2026-01-01T12:00:00Z')
  const { token, nonce, ranges, expiresAt } = challenge(upload, now)
  expect(expiresAt).toBe('2026-01-01T12:15:00.000Z')

  const { id: uploadId, fileHash, fileSize, accountId } = upload
  const almost = new Date(now.getTime() + 15 * MINUTE_MS - 1)
  const said = { uploadId, fileHash, fileSize, nonce: Buffer.from(nonce, 'base64'), ranges }
  expect(statementOf(token, accountId, almost)).toEqual(said)
  expect(statementOf(token, accountId, new Date(expiresAt))).toBeNull()
  expect(statementOf(token, randomUUID(), now)).toBeNull()
})

test('a token that anybody changed anywhere says nothing', () => {
  const upload = anUpload()
  const { token } = challenge(upload)
  for (let at = 0; at < token.length; at++) {
    // Not the last character of either half: its lowest bits say nothing.
    const [letter, next] = [token[at], token[at + 1]]
    if (letter === '.' || next === '.' || next === undefined) continue
    const other = letter === 'A' ? 'B' : 'A'
    const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`
    expect(statementOf(changed, upload.accountId), changed).toBeNull()
  }
  const [body, tag] = token.split('.')
  for (const text of ['', '.', `${body}.`, `.${tag}`, `${tag}.${body}`, 'x'.repeat(2000)])
    expect(statementOf(text, upload.accountId)).toBeNull()
})

test('nonces are random; the ranges stay the same for an account and a content until midnight, whatever upload asks', () => {
  const upload = anUpload()
  const now = new Date('2026-01-01T00:00:00Z')
  const first = challenge(upload, now)
  const last = challenge({ ...upload, id: randomUUID() }, new Date(now.getTime() + DAY_MS - 1))
  expect(last.ranges).toEqual(first.ranges)
  expect(last.nonce).not.toBe(first.nonce)

  const tomorrow = challenge(upload, new Date(now.getTime() + DAY_MS))
  const ofAnother = challenge({ ...upload, accountId: randomUUID() }, now)
  const ofOther = challenge({ ...upload, fileHash: `sha256:${'1'.repeat(64)}-20` }, now)
  for (const { ranges } of [tomorrow, ofAnother, ofOther]) expect(ranges).not.toEqual(first.ranges)
})

test('a challenge made before midnight is checked against the ranges it named', () => {
  const upload = anUpload()
  const made = challenge(upload, new Date('2026-01-01T23:55:00Z'))
  const later = new Date('2026-01-02T00:05:00Z')
  expect(statementOf(made.token, upload.accountId, later)?.ranges).toEqual(made.ranges)
})

test('what a listed key made is still known after a change of keys', async () => {
  const upload = anUpload()
  process.env.JETTY_MASTER_KEY = older
  vi.resetModules()
  const before = await import('../../../lib/possession/challenge.ts')
  const made = before.challengeOf(upload, STORE)
  expect(statementOf(made?.token ?? '', upload.accountId)?.ranges).toEqual(made?.ranges)
  expect(before.statementOf(challenge(upload).token, upload.accountId)).toBeNull()
})
