import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { publicHalf } from '../ed25519.ts'

const SEED_BYTES = 32
/** Only the relay's own user reads it. */
const MODE = 0o600

/** A relay's own Ed25519 key: the seed signs its heartbeats, the public half is registered. Both 32 bytes in base64. */
export type RelayKey = { seed: string; publicKey: string }

/**
 * The key in a file, which is made when it is not there. (With a seed of `privateKey` no file is touched.)
 *
 * @throws Error where the file holds no key, or cannot be read or made
 */
export async function readKey(from: {
  privateKey?: string
  keyFile?: string
}): Promise<RelayKey | null> {
  const { privateKey, keyFile } = from
  if (privateKey !== undefined) return keyOf(privateKey, 'EDGE_PRIVATE_KEY')
  if (keyFile === undefined) return null

  const made = `whsk_${randomBytes(SEED_BYTES).toString('base64')}`
  try {
    await writeFile(keyFile, `${made}\n`, { flag: 'wx', mode: MODE })
    return keyOf(made, keyFile)
  } catch (error) {
    if (!isThere(error)) throw error
    return keyOf(await readFile(keyFile, 'utf8'), keyFile)
  }
}

function keyOf(text: string, source: string): RelayKey {
  const seed = text.trim().replace(/^whsk_/, '')
  if (!/^[A-Za-z0-9+/]{43}=$/.test(seed)) {
    throw new Error(`${source} is not a key: expected 32 bytes in base64`)
  }
  return { seed, publicKey: publicHalf(seed) }
}

function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
