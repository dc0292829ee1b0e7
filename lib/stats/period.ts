import { type SQL, sql } from '../vendor/orm.js'

/** The periods that statistics are asked for, in hours. */
const HOURS = { '1h': 1, '24h': 24, '7d': 7 * 24, '30d': 30 * 24 } as const

export type Period = keyof typeof HOURS

/** A session that has not reported for so long, in minutes, is not at work. */
const SILENT_MINUTES = 2
/** A session is taken to last at most so long: the index on `started_at` then bounds what is read. */
const SESSION_DAYS_MAX = 14

/** When a period began, by the database's clock. */
export function beginOf(period: Period): SQL {
  return sql`now() - make_interval(hours => ${HOURS[period]})`
}

/** Whether a session `s` of the account reported in the period; it counts by its last report. */
export function reportedIn(accountId: string, period: Period): SQL {
  return reportedSince(accountId, beginOf(period))
}

/** Whether a session `s` of the account reported just now. */
export function reportedNow(accountId: string): SQL {
  return reportedSince(accountId, silentSince())
}

/** Whether a session `s` of the account may still be at work, however long it has been silent. */
export function begunBy(accountId: string): SQL {
  return begunSince(accountId, sql`now()`)
}

/** Whoever reported last before this is silent. */
export function silentSince(): SQL {
  return sql`now() - make_interval(mins => ${SILENT_MINUTES})`
}

function reportedSince(accountId: string, time: SQL): SQL {
  return sql`${begunSince(accountId, time)} AND s.updated_at > ${time}`
}

/** Sessions that could have lasted until then. */
function begunSince(accountId: string, time: SQL): SQL {
  return sql`s.account_id = ${accountId} AND s.started_at > ${time} - make_interval(days => ${SESSION_DAYS_MAX})`
}
