import { inOneTrip, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { sql } from '../vendor/orm.js'

const RECENT_MAX = 20

/** An event and how its delivery goes; `nextAttemptAt` is null once it was delivered or given up. */
export type EventView = {
  id: string
  type: string
  createdAt: string
  attempts: number
  deliveredAt: string | null
  nextAttemptAt: string | null
  lastStatus: number | null
  lastError: string | null
}

/** Where an account's events go (`url` is null for nowhere), and its newest 20 events. */
export type EventsView = {
  url: string | null
  disabledAt: string | null
  disabledReason: string | null
  recent: EventView[]
}

/** Reads an account's endpoint and newest events. SQL 1. */
export async function viewEvents(accountId: string): Promise<EventsView> {
  const [[endpoint = {}] = [], events = []] = await inOneTrip([
    sql`SELECT url, disabled_at, disabled_reason FROM event_endpoints WHERE account_id = ${accountId}`,
    sql`
    SELECT *, CASE WHEN delivered_at IS NULL AND given_up_at IS NULL THEN next_attempt_at END AS waits_until
    FROM event_outbox WHERE account_id = ${accountId} ORDER BY created_at DESC, id LIMIT ${RECENT_MAX}`,
  ])
  return {
    url: column.textOrNull(endpoint, 'url'),
    disabledAt: column.timeOrNull(endpoint, 'disabled_at'),
    disabledReason: column.textOrNull(endpoint, 'disabled_reason'),
    recent: events.map(eventOf),
  }
}

function eventOf(row: Row): EventView {
  return {
    id: column.text(row, 'id'),
    type: column.text(row, 'type'),
    createdAt: column.time(row, 'created_at'),
    attempts: column.number(row, 'attempts'),
    deliveredAt: column.timeOrNull(row, 'delivered_at'),
    nextAttemptAt: column.timeOrNull(row, 'waits_until'),
    lastStatus: column.numberOrNull(row, 'last_status'),
    lastError: column.textOrNull(row, 'last_error'),
  }
}
