import { startNeon } from './neon.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { copyTemplate, prepareDatabase, TEMPORARY_PASSWORD } from './template.ts'

export type DatabaseOptions = {
  dataDir: string
  /** Of a database that is kept; a temporary one starts from a copy and has a known password. */
  keptPassword: string | null
  port?: number
  neonPort?: number
}

export type PostgresWithFront = { url: string; neonUrl: string; stop(): Promise<void> }

/** PostgreSQL, migrated and seeded, behind Neon's protocol. */
export async function startPostgresWithFront(options: DatabaseOptions): Promise<PostgresWithFront> {
  const postgres = await startPrepared(options)
  const neon = await startNeon(postgres.url, options.neonPort)
  return {
    url: postgres.url,
    neonUrl: neon.url,
    async stop() {
      await neon.stop()
      await postgres.stop()
    },
  }
}

async function startPrepared({ dataDir, keptPassword, port }: DatabaseOptions): Promise<Postgres> {
  if (keptPassword === null) {
    await copyTemplate(dataDir)
    return await startPostgres({ dataDir, password: TEMPORARY_PASSWORD, durable: false, port })
  }
  const postgres = await startPostgres({ dataDir, password: keptPassword, durable: true, port })
  try {
    await prepareDatabase(postgres.url)
    return postgres
  } catch (error) {
    await postgres.stop()
    throw error
  }
}
