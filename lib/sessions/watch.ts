import { addCompleted, askCount, countOf, type LedgerCount } from '../chunks/ledger.ts'
import { redis, tryRedis } from '../redis/client.ts'

/** Who looks at the uploads asks again sooner than this. */
const WATCH_SECONDS = 20
const WATCHED_REPORT_SECONDS = 5
const REPORT_SECONDS = 60

type LedgerOf = { id: string; partCount: number }

/**
 * Takes the completed chunks of a report into the upload's ledger, counts it, and says when the next report is wanted: soon
 * while somebody watches. Redis 1; without it there is no count and nobody watches.
 */
export async function noteReport(
  accountId: string,
  upload: LedgerOf,
  completed: number[],
): Promise<{ ledger: LedgerCount | null; reportAfterSeconds: number }> {
  const answers = await tryRedis(() => {
    const pipeline = redis.pipeline()
    addCompleted(pipeline, upload.id, completed)
    askCount(pipeline, upload)
    pipeline.exists(watchKey(accountId))
    return pipeline.exec<unknown[]>()
  })
  if (answers === null) return { ledger: null, reportAfterSeconds: REPORT_SECONDS }
  const [count, last, watched] = answers.slice(-3)
  const reportAfterSeconds = watched === 1 ? WATCHED_REPORT_SECONDS : REPORT_SECONDS
  return { ledger: countOf(count, last), reportAfterSeconds }
}

/** Says that somebody watches the account's uploads, and counts the ledgers of some. Redis 1; null for each without it. */
export async function watchLedgers(
  accountId: string,
  uploads: readonly LedgerOf[],
): Promise<(LedgerCount | null)[]> {
  const answers = await tryRedis(() => {
    const pipeline = redis.pipeline()
    pipeline.set(watchKey(accountId), '1', { ex: WATCH_SECONDS })
    for (const upload of uploads) askCount(pipeline, upload)
    return pipeline.exec<unknown[]>()
  })
  return uploads.map((_, index) =>
    answers === null ? null : countOf(answers[2 * index + 1], answers[2 * index + 2]),
  )
}

function watchKey(accountId: string): string {
  return `jetty:watch:${accountId}`
}
