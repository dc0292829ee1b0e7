import { randomUUID } from 'node:crypto'
import { signWebhook } from '../../../lib/webhooks/standard.ts'
import type { Content } from './contents.ts'
import type { Answer, Sender } from './http.ts'
import type { Ledger } from './ledger.ts'
import type { Receiver } from './receiver.ts'

export const TIERS = ['free', 'starter', 'pro', 'business', 'enterprise'] as const
export type Tier = (typeof TIERS)[number]

/** Of 20 accounts. */
const MIX: readonly Tier[] = [
  ...['free', 'starter', 'starter', 'starter'],
  ...['pro', 'pro', 'pro', 'pro', 'pro', 'business', 'business', 'business', 'business'],
  ...['enterprise', 'enterprise', 'enterprise', 'enterprise', 'enterprise', 'pro', 'business'],
].flatMap((name) => TIERS.find((tier) => tier === name) ?? [])

/** How long clients go on with an upload that they opened: shorter than anything that the run ages. */
export const UPLOAD_KNOWN_MS = 8_000

/** A start's result that is open. */
export type Started = { result: Answer['body']; content: Content; knownAt: number; path: string }
export type KnownFile = { fileId: string; fileHash: string; fileSize: number }

/** An account, as the clients that share it know it. */
export type Account = {
  userId: string
  accountId: string
  /** What provisioning asked for, and what it gave. */
  wanted: {
    agentcache_user_id: string
    agentcache_email: string
    tier: Tier
    webhook_url: string | null
  }
  given: { apiKey: string; apiSecret: string }
  /** Whether its tier is changed while the run lasts. */
  isFixed: boolean
  tier: Tier
  key: { value: string; since: number; isSure: boolean }
  /** When its key was rotated. */
  rotations: number[]
  busy: { tier: boolean; key: boolean }
  uploads: Map<string, Started>
  files: Map<string, KnownFile>
  /** Contents whose only file was ended, the first one first. */
  buried: { content: Content; at: number }[]
}

/** Where calls go, with what secrets. */
export type Scene = {
  url: string
  secrets: { webhook: string; cron: string }
  sender: Sender
  ledger: Ledger
  receiver: Receiver
}

/**
 * Makes accounts through the signed endpoint, each by three calls at once that must be answered alike.
 *
 * @throws Error when one is not made
 */
export async function makeAccounts(scene: Scene, runId: string, count: number): Promise<Account[]> {
  return await Promise.all(
    Array.from({ length: count }, (_, index) => makeAccount(scene, `${runId}-${index}`, index)),
  )
}

async function makeAccount(scene: Scene, userId: string, index: number): Promise<Account> {
  const tier = MIX[index % MIX.length] ?? 'pro'
  const wanted = {
    agentcache_user_id: userId,
    agentcache_email: `${userId}@example.test`,
    tier,
    webhook_url: index % 3 === 0 ? null : scene.receiver.addressOf(userId),
  }
  const answers = await Promise.all(
    [1, 2, 3].map(() => sendSigned(scene, 'provision', { message: wanted })),
  )
  const [first, ...others] = answers.map(({ body }) => body?.account)
  if (!first?.api_key) throw new Error(`no account was made: ${answers[0]?.bytes}`)
  if (others.some((one) => one?.api_key !== first.api_key || one?.id !== first.id))
    scene.ledger.object(`provision: three calls at once for ${userId} were answered differently`)
  if (first.webhook_secret) scene.receiver.expect(userId, first.webhook_secret)
  return {
    userId,
    accountId: first.id,
    wanted,
    given: { apiKey: first.api_key, apiSecret: first.api_secret },
    isFixed: index % 2 === 0,
    tier,
    key: { value: first.api_key, since: performance.now(), isSure: true },
    rotations: [],
    busy: { tier: false, key: false },
    uploads: new Map(),
    files: new Map(),
    buried: [],
  }
}

/** A message of the routing side: `provision` or `upgrade`. A repetition has the id of the first. */
export async function sendSigned(
  { url, secrets, sender }: Scene,
  endpoint: 'provision' | 'upgrade',
  { id = `msg_${randomUUID()}`, message }: { id?: string; message: object },
): Promise<Answer> {
  const body = JSON.stringify(message)
  const timestamp = Math.floor(Date.now() / 1000)
  return await sender.send({
    name: `POST ${endpoint}`,
    method: 'POST',
    url: `${url}/api/agentcache/${endpoint}`,
    headers: {
      'content-type': 'application/json',
      ...signWebhook({ id, timestamp, body }, [secrets.webhook]),
    },
    body,
  })
}

/** A key that was in use is refused where it, or one after it, was rotated away. */
export function judgeKey(
  { ledger }: Scene,
  { account, used }: { account: Account; used: Account['key'] },
  answer: Answer,
): void {
  if (answer.status !== 401 || !used.isSure) return
  const isRotated = account.rotations.some((at) => at >= used.since && at < answer.ended)
  if (!isRotated) ledger.object(`${answer.name}: 401 for a key that nobody rotated`)
}
