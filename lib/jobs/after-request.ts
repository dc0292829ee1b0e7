import { setImmediate as nextTurn } from 'node:timers/promises'
import { env } from '../env.ts'
import { describeError, log } from '../log.ts'
import { waitUntil } from '../vendor/platform.js'

/** How often one process asks whether anything is due; the database decides. */
const ASK_MS = 60_000
/** The longest job, the sweep, takes up to 50 s, a function 60 s: a request that took longer leaves them to another. */
const REQUEST_MS_MAX = 8_000

let askedAt = 0

/**
 * Runs the periodic jobs that are due once the response is on its way, unless JOBS_AFTER_REQUESTS is `off`; they have what
 * is left of the function's time, so not after a request that has used much of it (`begun`: ms since 1970). Costs a
 * comparison, and once a minute one SQL. Never throws.
 */
export function runJobsAfterRequest(begun: number): void {
  const now = Date.now()
  if (env.JOBS_AFTER_REQUESTS === 'off' || now - askedAt < ASK_MS) return
  if (now - begun > REQUEST_MS_MAX) return
  askedAt = now
  waitUntil(runJobs())
}

async function runJobs(): Promise<void> {
  try {
    // The response goes out before the code of the jobs is loaded.
    await nextTurn()
    const [{ runDueJobs }, { JOBS }] = await Promise.all([
      import('./run-due.ts'),
      import('./jobs.ts'),
    ])
    await runDueJobs(JOBS)
  } catch (error) {
    log('error', 'periodic jobs could not be run', describeError(error))
  }
}
