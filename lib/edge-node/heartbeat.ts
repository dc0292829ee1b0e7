import { randomUUID } from 'node:crypto'
import { log } from '../log.ts'
import { signWebhook } from '../webhooks/standard.ts'
import type { Load } from './load.ts'

const EVERY_MS = 60_000
const EVERY_MS_MIN = 1_000
const EVERY_MS_MAX = 10 * 60_000
const RETRY_MS = 5_000
const TIMEOUT_MS = 10_000
/** A relay that ends waits no longer than this to have said so. */
const LAST_TIMEOUT_MS = 2_000
/** Relays that were started together should not all speak together. */
const JITTER = 0.1
const ANSWER_CHARS_MAX = 1_000

/** Who speaks, and to which deployment. `seed`: of the relay's own Ed25519 key, in base64. */
export type HeartbeatSettings = { controlUrl: string; id: string; seed: string; version: string }

/** `stop` says a last word, of a relay that takes no more. */
export type Heartbeats = { stop: () => Promise<void> }

/**
 * Tells the control plane how a relay is: at once, then as often as it answers (`heartbeatAfterSeconds`, else every minute),
 * as Standard Webhooks signed with the relay's own key. While nobody accepts them the pauses double from 5 s up to 10 minutes,
 * with jitter; the log says so once. Nothing here holds up a transfer, or keeps the process alive.
 */
export function startHeartbeats(settings: HeartbeatSettings, readLoad: () => Load): Heartbeats {
  const send = sender(settings)
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  let failures = 0

  const beat = async () => {
    const heard = await send(readLoad(), TIMEOUT_MS)
    if (isStopped) return
    if ('fault' in heard) warnOnce(heard.fault, failures)
    else if (failures > 0) log('info', 'heartbeats are accepted again')
    failures = 'fault' in heard ? failures + 1 : 0
    const pause = 'fault' in heard ? RETRY_MS * 2 ** Math.min(failures - 1, 10) : heard.everyMs
    timer = setTimeout(() => void beat(), jittered(Math.min(pause, EVERY_MS_MAX))).unref()
  }
  void beat()

  return {
    async stop() {
      if (isStopped) return
      isStopped = true
      clearTimeout(timer)
      await send({ ...readLoad(), loadPercent: 100 }, LAST_TIMEOUT_MS)
    },
  }
}

type Heard = { everyMs: number } | { fault: string }

/** Each message has a later second than the one before: of two of one second only the first counts. */
function sender({ controlUrl, id, seed, version }: HeartbeatSettings) {
  const url = new URL('/api/edges/heartbeat', controlUrl)
  let lastSecond = 0
  return async (load: Load, timeoutMs: number): Promise<Heard> => {
    const timestamp = Math.max(Math.floor(Date.now() / 1000), lastSecond + 1)
    lastSecond = timestamp
    const body = JSON.stringify({ id, ...load, version })
    const signed = signWebhook({ id: `hb_${randomUUID()}`, timestamp, body }, [`whsk_${seed}`])
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...signed },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await response.text()
      return response.ok ? { everyMs: everyMsOf(text) } : { fault: `answered ${response.status}` }
    } catch (error) {
      return { fault: faultOf(error) }
    }
  }
}

function everyMsOf(text: string): number {
  const seconds = text.length <= ANSWER_CHARS_MAX ? numberIn(text) : Number.NaN
  return Number.isFinite(seconds) ? Math.max(EVERY_MS_MIN, seconds * 1000) : EVERY_MS
}

function numberIn(text: string): number {
  try {
    const { heartbeatAfterSeconds }: { heartbeatAfterSeconds?: unknown } = Object(JSON.parse(text))
    return typeof heartbeatAfterSeconds === 'number' ? heartbeatAfterSeconds : Number.NaN
  } catch {
    return Number.NaN
  }
}

function faultOf(error: unknown): string {
  const { cause = error }: { cause?: unknown } = Object(error)
  return cause instanceof Error ? cause.message : String(cause)
}

function warnOnce(fault: string, failuresBefore: number): void {
  if (failuresBefore === 0) log('warn', 'heartbeats are not accepted', { fault })
}

function jittered(ms: number): number {
  return ms * (1 + JITTER * (2 * Math.random() - 1))
}
