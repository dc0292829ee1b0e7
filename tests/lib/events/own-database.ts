import { afterAll } from 'vitest'
import { migrate } from '../../../drizzle/migrate.ts'
import { seed } from '../../../drizzle/seed.ts'
import { aDatabase } from '../../local/database.ts'

/**
 * A database that has no others' events, and receivers allowed on loopback: over plain HTTP as 127.0.0.1 or by a name. Call
 * it before anything of lib/ that reads the environment is imported.
 */
export async function ownDatabase(): Promise<void> {
  const { url, client } = await aDatabase()
  afterAll(() => client.end())
  await migrate(url)
  await seed(client)
  process.env.DATABASE_URL = url
  process.env.EVENTS_ALLOWED_HOSTS = '127.0.0.1,hooks.example'
}
