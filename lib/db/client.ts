import { env } from '../env.ts'
import { drizzle, neon, type SQL, sql } from '../vendor/orm.js'

/** Drizzle over Neon's HTTP protocol: one statement or one batch is one round trip; there are no sessions. */
export const db = drizzle(neon(env.DATABASE_URL))

/**
 * Runs statements as one transaction in one round trip, after taking the lock of an account's row. Whatever changes an
 * account's files, uploads or usage goes through here, so each of these statements sees the account at rest: READ
 * COMMITTED gives every statement after the lock a fresh snapshot.
 *
 * @returns the rows of each statement after the lock
 */
export async function withAccountLocked(accountId: string, statements: SQL[]): Promise<Row[][]> {
  return await withAccountsLocked([accountId], statements)
}

/** The same for several accounts; their rows are locked in one order, so two callers cannot wait for each other. */
export async function withAccountsLocked(
  accountIds: string[],
  statements: SQL[],
): Promise<Row[][]> {
  const lock = sql`SELECT id FROM agentcache_accounts
    WHERE id = ANY(${uuidArray(accountIds)}::uuid[]) ORDER BY id FOR UPDATE`
  const [, ...results] = await db.batch([db.execute(lock), ...statements.map((s) => db.execute(s))])
  return results.map(({ rows }) => rows)
}

/** Several statements in one round trip and one transaction, without a lock. */
export async function inOneTrip(statements: [SQL, ...SQL[]]): Promise<Row[][]> {
  const [first, ...others] = statements
  const results = await db.batch([db.execute(first), ...others.map((s) => db.execute(s))])
  return results.map(({ rows }) => rows)
}

/** One statement, one round trip. */
export async function query(statement: SQL): Promise<Row[]> {
  const { rows } = await db.execute(statement)
  return rows
}

/** A row as the driver gives it: bigint and timestamps are text. Read it with `lib/db/row.ts`. */
export type Row = Record<string, unknown>

/** A uuid[] parameter; the driver would spread a plain array into a list of parameters. */
export function uuidArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`
}
