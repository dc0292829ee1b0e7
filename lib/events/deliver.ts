import { mapConcurrently } from '../concurrency.ts'
import { query, type Row, uuidArray } from '../db/client.ts'
import { column } from '../db/row.ts'
import { signWebhook } from '../webhooks/standard.ts'
import { disableEndpoint, openSecret } from './endpoint.ts'
import { type Attempt, secondsToRetry } from './ladder.ts'
import { ACCOUNT_EVENTS_MAX, claimStatement, type Recorded, recordStatement } from './outbox.ts'
import { postEvent } from './send.ts'

/** Nothing is sent later than this, so that the last attempt (15 s) ends within a function's 60 s. */
const SEND_WITHIN_MS = 30_000
const HOSTS_AT_ONCE = 16
const MESSAGES_TO_A_HOST_AT_ONCE = 4
/** An account whose endpoint takes longer has its turn again in the next run. */
const SLOW_MS = 3000
const GONE = 410

export type Delivery = {
  /** Of one account alone, or of all. */
  accountId?: string
  /** In ms since 1970. */
  beginBefore?: number
}

/** How many events arrived, and how many attempts failed. */
export type Delivered = { delivered: number; failed: number }

type Endpoint = { url: string; sealedSecret: string }
type Claimed = { id: string; accountId: string; attempt: number; body: string } & (
  | Endpoint
  | { url: null }
)

/** `failing`: nothing more is sent to these in this run; `resting`: nothing more is claimed for these. */
type Run = { beginBefore: number; failing: Set<string>; resting: Set<string> }
type Outcome = Recorded & { gone?: Endpoint & { accountId: string } }

/**
 * Sends the events that are due, each at least once: one that arrived just before its runner died is sent again under the
 * same `webhook-id`. Bounded by time; several runners share the work. An endpoint that fails costs the others nothing: its
 * further events stay due and untried until the next run.
 *
 * SQL 2 for each 100 events (1 where none is due), 1 for each endpoint that ends; HTTP 1 an event.
 */
export async function deliverEvents({ accountId, beginBefore }: Delivery = {}): Promise<Delivered> {
  const run: Run = {
    beginBefore: beginBefore ?? Date.now() + SEND_WITHIN_MS,
    failing: new Set(),
    resting: new Set(),
  }
  const outcomes: Outcome[] = []
  let claimed: number
  do {
    const rows = await query(claimStatement(accountId ?? null, uuidArray([...run.resting])))
    claimed = rows.length
    if (claimed > 0) outcomes.push(...(await deliverBatch(rows.map(claimedOf), run)))
  } while (claimed >= ACCOUNT_EVENTS_MAX && Date.now() < run.beginBefore)

  const delivered = outcomes.filter(({ result }) => result === 'delivered').length
  const unsent = outcomes.filter(({ result }) => result === 'unsent').length
  return { delivered, failed: outcomes.length - delivered - unsent }
}

async function deliverBatch(claimed: Claimed[], run: Run): Promise<Outcome[]> {
  const outcomes = await sendAll(claimed, run)
  await query(recordStatement(outcomes.map(({ gone: _, ...recorded }) => recorded)))
  for (const { gone } of outcomes) {
    if (gone) await disableEndpoint(gone.accountId, gone.sealedSecret, 'answered 410')
  }
  return outcomes
}

async function sendAll(claimed: Claimed[], run: Run): Promise<Outcome[]> {
  const byHost = new Map<string, Claimed[]>()
  for (const one of claimed) {
    const host = one.url !== null && URL.canParse(one.url) ? new URL(one.url).hostname : ''
    byHost.set(host, [...(byHost.get(host) ?? []), one])
  }
  const sent = await mapConcurrently([...byHost.values()], HOSTS_AT_ONCE, (ofHost) =>
    mapConcurrently(ofHost, MESSAGES_TO_A_HOST_AT_ONCE, (one) => sendOne(one, run)),
  )
  return sent.flat()
}

async function sendOne(claimed: Claimed, run: Run): Promise<Outcome> {
  const { id, accountId, attempt } = claimed
  const base = { id, attempt, waitSeconds: 0, status: null, error: null }
  if (claimed.url === null) return { ...base, result: 'given-up', error: 'there is no endpoint' }
  if (run.failing.has(accountId) || Date.now() > run.beginBefore)
    return { ...base, result: 'unsent' }

  const begun = Date.now()
  const { status, error, retryAfter } = await attemptAt(claimed)
  if (error !== null) run.failing.add(accountId)
  if (error !== null || Date.now() - begun > SLOW_MS) run.resting.add(accountId)
  const heard = { ...base, status, error }
  if (error === null) return { ...heard, result: 'delivered' }
  if (status === GONE) return { ...heard, result: 'given-up', gone: claimed }
  const waitSeconds = secondsToRetry(attempt, retryAfter)
  if (waitSeconds === null) return { ...heard, result: 'given-up' }
  return { ...heard, result: 'retry', waitSeconds }
}

async function attemptAt({ id, body, url, sealedSecret }: Claimed & Endpoint): Promise<Attempt> {
  const secret = openSecret(url, sealedSecret)
  if (secret === null)
    return { status: null, error: 'the signing secret cannot be read', retryAfter: null }
  const timestamp = Math.floor(Date.now() / 1000)
  return await postEvent(url, {
    headers: signWebhook({ id: `msg_${id}`, timestamp, body }, [secret]),
    body,
  })
}

function claimedOf(row: Row): Claimed {
  const url = column.textOrNull(row, 'url')
  const type = column.text(row, 'type')
  const timestamp = column.time(row, 'created_at')
  const event = {
    id: column.text(row, 'id'),
    accountId: column.text(row, 'account_id'),
    attempt: column.number(row, 'attempts'),
    // Word for word the same in every attempt.
    body: JSON.stringify({ type, timestamp, data: row.data }),
  }
  if (url === null) return { ...event, url }
  return { ...event, url, sealedSecret: column.text(row, 'sealed_secret') }
}
