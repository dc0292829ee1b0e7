import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from './listen.ts'
import { startPostgres } from './postgres.ts'
import { explainFailure } from './postgres-failure.ts'
import { copyTemplate, TEMPORARY_PASSWORD, templateName } from './template.ts'
import { temporaryFolder } from './temporary.ts'

let folder: string

beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('data is there again after a stop and a start', async () => {
  const options = await dataFolder('kept')
  const first = await startPostgres(options)
  await run(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)')
  await first.stop()
  const second = await startPostgres(options)
  expect(await run(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
  await second.stop()
})

test('a server outlives neither a killed parent nor what was committed', async () => {
  const options = await dataFolder('killed')
  const program = `
    import { startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'postgres.ts'))}
    const { url } = await startPostgres(${JSON.stringify({ ...options, durable: true })})
    process.send(url)
    setInterval(() => {}, 1000)`
  const file = join(folder, 'parent.mts')
  await writeFile(file, program)
  const parent = spawn(process.execPath, ['--import', 'tsx', file], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [url] = await once(parent, 'message')
  await run(url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (8)')
  parent.kill('SIGKILL')
  await once(parent, 'exit')

  const next = await startPostgres(options)
  await expect(run(url, 'SELECT 1')).rejects.toThrow()
  expect(await run(next.url, 'SELECT n FROM kept')).toEqual([{ n: 8 }])
  await next.stop()
})

test('the lock file of a server that is gone does not matter, even where its number is alive', async () => {
  const options = await dataFolder('stale')
  await writeFile(
    join(options.dataDir, 'postmaster.pid'),
    `${process.pid}\n${options.dataDir}\n0\n5432\n`,
  )
  const server = await startPostgres(options)
  await server.stop()
})

test('a wished port that is taken is replaced by a free one', async () => {
  const other = createServer()
  const port = await listen(other)
  const server = await startPostgres({ ...(await dataFolder('port')), port })
  expect(server.port).not.toBe(port)
  await server.stop()
  other.close()
})

test('a damaged data folder is said to be damaged', async () => {
  const options = await dataFolder('damaged')
  await truncate(join(options.dataDir, 'global/pg_control'), 0)
  await expect(startPostgres(options)).rejects.toThrow(/is damaged; start again with --reset/)
})

test('data of another version is said to be of another version', async () => {
  const options = await dataFolder('version')
  await writeFile(join(options.dataDir, 'PG_VERSION'), '11\n')
  await expect(startPostgres(options)).rejects.toThrow(/another version of PostgreSQL/)
})

test('a template that another user ran is no template: installing PostgreSQL changes who runs it', () => {
  expect(templateName(65534)).toBe(templateName(65534))
  expect(new Set([templateName(undefined), templateName(65534), templateName(101)]).size).toBe(3)
})

test('a full disk is said to be full', () => {
  const output = 'FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device'
  expect(explainFailure(output, '/data').message).toBe(
    'The disk is full: PostgreSQL cannot write to /data.',
  )
})

async function dataFolder(name: string) {
  const dataDir = join(folder, name)
  await copyTemplate(dataDir)
  return { dataDir, password: TEMPORARY_PASSWORD, durable: false }
}

async function run(url: string, query: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(query).finally(() => client.end())
  return rows
}
