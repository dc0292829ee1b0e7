import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { env, masterKeys } from '../env.ts'
import type { Capabilities } from '../storage/capability.ts'
import type { Upload } from '../uploads/upload.ts'
import { type ByteRange, sampleOf } from './sample.ts'

/** Smaller files are sent sooner than proven; and forms, which can be guessed, are small. */
export const PROVABLE_BYTES_MIN = 1024 * 1024
const LIFETIME_SECONDS = 15 * 60
const SECONDS_PER_DAY = 24 * 3600
const NONCE_BYTES = 32
const TOKEN_CHARS_MAX = 1000

/** Which bytes of the file to prove, keyed with which nonce, until when (RFC 3339). The token says the same to us. */
export type Challenge = { token: string; nonce: string; ranges: ByteRange[]; expiresAt: string }

/** An upload that is open, as it was declared. */
type Declared = Pick<Upload, 'id' | 'accountId' | 'fileHash' | 'fileSize' | 'checksum'>

type Content = Pick<Upload, 'fileHash' | 'fileSize'>

/** What a token of ours says. */
export type Statement = Content & { uploadId: string; nonce: Buffer; ranges: ByteRange[] }

type Keys = { token: Buffer; sample: Buffer }

/** Two keys per listed master key, newest first: challenges that are out outlive a change. */
const keys: Keys[] = masterKeys(env.JETTY_MASTER_KEY).map((master) => ({
  token: derived(master, 'jettyspeed possession token v1'),
  sample: derived(master, 'jettyspeed possession sample v1'),
}))

/**
 * A challenge to prove that one has a content, above 1 MiB where DEDUP_SCOPE is `global`, else null; null also where the
 * store gives no digests of copies, so that nothing could be made of a proof. Nothing is looked up or kept: it says
 * nothing about whether anybody stores the content.
 *
 * The nonce is random; the ranges are the same for an account and content until midnight (UTC). Fresh ones for each
 * challenge would let a cheat ask until they fall where he has the bytes.
 */
export function challengeOf(
  upload: Declared,
  store: Pick<Capabilities, 'copyDigest'>,
  now = new Date(),
): Challenge | null {
  const { id, accountId, fileHash, fileSize } = upload
  const isCopied = store.copyDigest && upload.checksum === 'sha256'
  if (env.DEDUP_SCOPE !== 'global' || !isCopied || fileSize <= PROVABLE_BYTES_MIN) return null

  const [newest] = keys
  if (!newest) throw new Error('JETTY_MASTER_KEY lists no key')
  const nonce = randomBytes(NONCE_BYTES)
  const issuedSeconds = Math.floor(now.getTime() / 1000)
  const said = [id, fileHash, fileSize, nonce.toString('base64'), issuedSeconds].join(' ')
  const tag = tagOf(newest, accountId, said)
  return {
    token: `${Buffer.from(said).toString('base64url')}.${tag.toString('base64url')}`,
    nonce: nonce.toString('base64'),
    ranges: rangesOf(newest, { accountId, fileHash, fileSize }, issuedSeconds),
    expiresAt: new Date((issuedSeconds + LIFETIME_SECONDS) * 1000).toISOString(),
  }
}

/** What a token says; null for one that this deployment did not make for this account, or made 15 minutes ago. */
export function statementOf(token: string, accountId: string, now = new Date()): Statement | null {
  if (token.length > TOKEN_CHARS_MAX) return null
  const [body = '', tag = ''] = token.split('.').map((text) => Buffer.from(text, 'base64url'))
  const said = body.toString()
  const key = keys.find((one) => isEqual(Buffer.from(tag), tagOf(one, accountId, said)))
  if (!key) return null

  const [uploadId = '', fileHash = '', size, nonce = '', issued] = said.split(' ')
  const [fileSize, issuedSeconds] = [Number(size), Number(issued)]
  if (now.getTime() >= (issuedSeconds + LIFETIME_SECONDS) * 1000) return null
  const ranges = rangesOf(key, { accountId, fileHash, fileSize }, issuedSeconds)
  return { uploadId, fileHash, fileSize, nonce: Buffer.from(nonce, 'base64'), ranges }
}

function rangesOf(
  key: Keys,
  { accountId, fileHash, fileSize }: Content & { accountId: string },
  issuedSeconds: number,
): ByteRange[] {
  const day = Math.floor(issuedSeconds / SECONDS_PER_DAY)
  const seed = createHmac('sha256', key.sample).update(
    [accountId, fileHash, fileSize, day].join(' '),
  )
  return sampleOf(fileSize, seed.digest())
}

/** Account ids have no spaces, and what is said begins with another id. */
function tagOf(key: Keys, accountId: string, said: string): Buffer {
  return createHmac('sha256', key.token).update(`${accountId} ${said}`).digest()
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function derived(master: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), purpose, 32))
}
