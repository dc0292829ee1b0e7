import type pg from 'pg'
import { afterAll } from 'vitest'
import { migrate } from '../../../drizzle/migrate.ts'
import { seed } from '../../../drizzle/seed.ts'
import { aDatabase } from '../../local/database.ts'

/**
 * A database that has no others' accounts, since the sweep looks at all. Call it before anything of lib/ that reads the
 * environment is imported.
 */
export async function ownDatabase(): Promise<pg.Client> {
  const { url, client } = await aDatabase()
  afterAll(() => client.end())
  await migrate(url)
  await seed(client)
  process.env.DATABASE_URL = url
  return client
}
