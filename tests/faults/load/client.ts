import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, judgeKey, type Scene } from './accounts.ts'
import type { Library } from './contents.ts'
import type { Answer } from './http.ts'
import type { Random } from './random.ts'

const RETRY_MS_MAX = 60_000

/**
 * A path that one client alone writes to: what it may hold. `known`: what it was told was stored last; `possible`: what may
 * be stored later, of writes whose outcome it was not told.
 */
export type OwnPath = { path: string; known: string | null; possible: Set<string> }

/** One of the clients. */
export type Client = {
  scene: Scene
  account: Account
  library: Library
  random: Random
  own: OwnPath
  isOver: () => boolean
}

export type Asking = {
  body?: object
  /** Refusals that may come. */
  allowed?: readonly string[]
  headers?: Record<string, string>
}

/** Calls an endpoint with the account's key, and waits when it is told to. */
// biome-ignore lint/complexity/useMaxParams: a call reads as the request it makes
export async function ask(
  client: Client,
  method: string,
  path: string,
  { body, allowed, headers }: Asking = {},
): Promise<Answer> {
  const { scene, account } = client
  const used = account.key
  const answer = await scene.sender.send({
    name: `${method} ${path.replace(/^\/api\//, '').replace(/\?.*/, '')}`,
    method,
    url: `${scene.url}${path}`,
    headers: {
      authorization: `Bearer ${used.value}`,
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
    ...(allowed && { allowed }),
  })
  judgeKey(scene, { account, used }, answer)
  await waitAsTold(client, answer)
  return answer
}

async function waitAsTold({ isOver, scene }: Client, { status, headers }: Answer): Promise<void> {
  if (status !== 429) return
  const seconds = Number(headers['retry-after'])
  if (!(seconds > 0)) return scene.ledger.object('429 without Retry-After')
  const until = performance.now() + Math.min(seconds * 1000, RETRY_MS_MAX)
  while (performance.now() < until && !isOver()) await sleep(200)
}
