import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../drizzle/migrate.ts'
import { aDatabase } from '../local/database.ts'

const ROOT = join(import.meta.dirname, '../..')
const LEDGER = 'SELECT id, hash, created_at FROM drizzle.__drizzle_migrations ORDER BY id'

let database: Awaited<ReturnType<typeof aDatabase>>

beforeAll(async () => {
  database = await aDatabase()
})
afterAll(() => database.client.end())

test('several who migrate at once apply each migration once, and drizzle-kit finds nothing left to do', async () => {
  await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)])
  const { rows } = await database.client.query(LEDGER)
  expect(rows.length).toBeGreaterThan(0)
  expect(new Set(rows.map(({ hash }) => hash)).size).toBe(rows.length)

  await promisify(execFile)(process.execPath, ['node_modules/drizzle-kit/bin.cjs', 'migrate'], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: database.url },
  })
  expect((await database.client.query(LEDGER)).rows).toEqual(rows)
}, 60_000)
