import { setImmediate as nextTurn } from 'node:timers/promises'
import { env } from '../env.ts'
import { describeError, log } from '../log.ts'
import { waitUntil } from '../vendor/platform.js'

/** Of the function's 60 s, most may be gone already. What is not sent by then waits for the next run of the job. */
const SEND_WITHIN_MS = 20_000

/** Accounts whose events this process is sending, and whether there may be more by now. */
const sending = new Map<string, boolean>()

/**
 * Sends the events of an account once the response is on its way, without waiting for the next run of the job; one runner an
 * account and process. Best effort, as JOBS_AFTER_REQUESTS allows; call it only where events were emitted. Never throws.
 */
export function deliverSoon(accountId: string): void {
  if (env.JOBS_AFTER_REQUESTS === 'off') return
  const isSending = sending.has(accountId)
  sending.set(accountId, true)
  if (!isSending) waitUntil(deliver(accountId))
}

async function deliver(accountId: string): Promise<void> {
  const beginBefore = Date.now() + SEND_WITHIN_MS
  try {
    await nextTurn()
    const { deliverEvents } = await import('./deliver.ts')
    while (sending.get(accountId) && Date.now() < beginBefore) {
      sending.set(accountId, false)
      await deliverEvents({ accountId, beginBefore })
    }
  } catch (error) {
    log('error', 'events could not be delivered', { accountId, ...describeError(error) })
  } finally {
    sending.delete(accountId)
  }
}
