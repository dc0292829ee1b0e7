import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const LONG_ENOUGH_MS = 300

/** Runs `act` while another client is half-way through a change of an account: it has the lock, and has not committed. */
export async function whileHalfWay<T>(
  accountId: string,
  change: string,
  act: () => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
  await client.connect()
  await client.query('BEGIN')
  await client.query('SELECT id FROM agentcache_accounts WHERE id = $1 FOR UPDATE', [accountId])
  await client.query(change)
  const acting = act()
  await sleep(LONG_ENOUGH_MS)
  await client.query('COMMIT')
  await client.end()
  return await acting
}
