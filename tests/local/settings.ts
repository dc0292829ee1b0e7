import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** RFC 8410: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
const RAW_KEY_BYTES = 32

/** Random values of a stack that a deployment would get from its operator. */
export type Secrets = Record<
  | 'POSTGRES_PASSWORD'
  | 'UPSTASH_REDIS_REST_TOKEN'
  | 'LYVE_ACCESS_KEY'
  | 'LYVE_SECRET_KEY'
  | 'JETTYTHUNDER_WEBHOOK_SECRET'
  | 'AGENTCACHE_WEBHOOK_SECRET'
  | 'INTERNAL_WEBHOOK_SECRET'
  | 'CRON_SECRET'
  | 'ADMIN_TOKEN'
  | 'JETTY_MASTER_KEY'
  | 'EDGE_GRANT_PRIVATE_KEY',
  string
>

/** Settings of a stack that are the same everywhere. */
export const FIXED = {
  LYVE_REGION: 'us-east-1',
  LYVE_BUCKET_NAME: 'jettyspeed',
  JETTYTHUNDER_API_URL: 'self',
  DEDUP_SCOPE: 'account',
} as const

/** Fresh secrets. */
export function newSecrets(): Secrets {
  // One deployment plays both sides: what one signs with is what the other accepts.
  const betweenSides = hex(32)
  return {
    POSTGRES_PASSWORD: hex(16),
    UPSTASH_REDIS_REST_TOKEN: hex(32),
    LYVE_ACCESS_KEY: hex(10).toUpperCase(),
    LYVE_SECRET_KEY: hex(20),
    JETTYTHUNDER_WEBHOOK_SECRET: betweenSides,
    AGENTCACHE_WEBHOOK_SECRET: betweenSides,
    INTERNAL_WEBHOOK_SECRET: hex(32),
    CRON_SECRET: hex(32),
    ADMIN_TOKEN: hex(32),
    JETTY_MASTER_KEY: randomBytes(32).toString('base64'),
    EDGE_GRANT_PRIVATE_KEY: randomBytes(32).toString('base64'),
  }
}

/** The secrets kept in a file that only this user reads; made on first use, completed when this version knows more. */
export async function keptSecrets(file: string): Promise<Secrets> {
  const kept = existsSync(file) ? parseKept(await readFile(file, 'utf8'), file) : {}
  const secrets = { ...newSecrets(), ...kept }
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, JSON.stringify(secrets, null, 2), { mode: 0o600 })
  return secrets
}

function parseKept(text: string, file: string): Partial<Secrets> {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${file} is damaged; start again with --reset to forget it.`, { cause })
  }
}

/** The raw 32-byte public key, in base64, of a private key given as a base64 seed: what a relay is configured with. */
export function grantPublicKey(seed: string): string {
  const pkcs8 = Buffer.concat([PKCS8_ED25519, Buffer.from(seed, 'base64')])
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return spki.subarray(-RAW_KEY_BYTES).toString('base64')
}

function hex(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
