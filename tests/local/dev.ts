import { execFile } from 'node:child_process'
import { watch } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { devApiKey } from './dev-account.ts'
import { sentenceOf } from './dev-failure.ts'
import { listen } from './listen.ts'
import { claimFolder } from './only-one.ts'
import { stopLeftover } from './postgres-leftover.ts'
import { type Stack, startStack } from './stack.ts'
import { prepareDatabase } from './template.ts'

const ROOT = join(import.meta.dirname, '../..')
const WATCHED = ['api', 'lib', 'drizzle']
const RELOAD_AFTER_MS = 100
const INSISTING_MS = 500

/** Below the ports that systems give to outgoing connections, so that they are the same at every start. */
const PORTS = { postgres: 15432, neon: 15433, upstash: 15434, s3: 15435, edges: 15441 }
/** Who listens here has those above; where it is taken, the next stack's place is tried. */
const PORT_OF_CLAIM = 15431
const PORT_DEFAULT = 3000

const HELP = `npm run dev -- [--port N] [--reset] [--home DIR]

Runs JettySpeed and everything it needs on this machine, and keeps the data between runs.

  --port N    where the API listens (3000); the next free port when it is taken
  --reset     forget the data of earlier runs first
  --home DIR  where data and dev.env are kept (.jetty)
  --help      this text`

type Options = { port: number; reset: boolean; help: boolean; home: string }

async function main({ port, reset, help, home }: Options): Promise<void> {
  const begun = performance.now()
  if (help) return console.log(HELP)

  const dataDir = join(home, 'data')
  await mkdir(home, { recursive: true })
  await claimFolder(dataDir)
  if (reset) await forget(dataDir)
  const ports = { ...(await claimPorts()), functions: port }
  const stack = await startStack({ dataDir, functions: true, heartbeats: true, ports })
  stopOnSignals(stack)
  Object.assign(process.env, stack.env)
  const apiKey = await devApiKey(dataDir)
  await writeSettings(join(home, 'dev.env'), stack, apiKey)
  reloadOnChange(stack)

  if (!stack.url?.endsWith(`:${port}`))
    console.log(`Port ${port} is taken; the next free one is used.`)
  console.log(table(stack, apiKey))
  console.log(
    `Ready in ${((performance.now() - begun) / 1_000).toFixed(1)} s; Ctrl-C stops everything.`,
  )
}

function parseOptions(): Options {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    options: { port: text, home: text, reset: flag, help: { ...flag, short: 'h' } },
  })
  const port = Number(values.port ?? PORT_DEFAULT)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`--port ${values.port} is not a port.`)
  return {
    port,
    reset: values.reset,
    help: values.help,
    home: resolve(values.home ?? join(ROOT, '.jetty')),
  }
}

/** Ports that no other one takes, however close together two are started; this process has them until it ends. */
async function claimPorts(): Promise<typeof PORTS> {
  const claim = createServer((connection) => connection.destroy())
  const shift = (await listen(claim, PORT_OF_CLAIM)) - PORT_OF_CLAIM
  claim.unref()
  const { postgres, neon, upstash, s3, edges } = PORTS
  return {
    postgres: postgres + shift,
    neon: neon + shift,
    upstash: upstash + shift,
    s3: s3 + shift,
    edges: edges + shift,
  }
}

async function forget(dataDir: string): Promise<void> {
  await stopLeftover(join(dataDir, 'postgres'))
  await rm(dataDir, { recursive: true, force: true })
}

function stopOnSignals(stack: Stack): void {
  let askedAt = 0
  const stop = async () => {
    // Ctrl-C arrives more than once (from the terminal and from npm); a person who insists is slower.
    if (askedAt && Date.now() - askedAt > INSISTING_MS) process.exit(1)
    if (askedAt) return
    askedAt = Date.now()
    await stack.stop()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void stop())
}

/** Where the CLI finds this stack when nothing else is set. */
async function writeSettings(file: string, stack: Stack, apiKey: string): Promise<void> {
  await writeFile(file, `JETTY_URL=${stack.url}\nJETTY_API_KEY=${apiKey}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
}

function reloadOnChange(stack: Stack): void {
  let timer: NodeJS.Timeout | undefined
  let schemaChanged = false
  const reload = async () => {
    if (schemaChanged) await prepareDatabase(stack.databaseUrl)
    schemaChanged = false
    await Promise.all([stack.reloadFunctions?.(), makePages()])
    console.log('Code changed; the functions run the new one.')
  }
  for (const folder of WATCHED) {
    watch(join(ROOT, folder), { recursive: true }, () => {
      schemaChanged ||= folder === 'drizzle'
      clearTimeout(timer)
      timer = setTimeout(
        () => void reload().catch((error) => console.error(error)),
        RELOAD_AFTER_MS,
      )
    })
  }
}

/** As `npm run dev` did at its start: a bundler in this process would not see that itself changed. */
async function makePages(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'lib/web/make-pages.mjs')])
}

function table(stack: Stack, apiKey: string): string {
  const rows = [
    ['API', stack.url ?? ''],
    ['Upload page', `${stack.url}/upload/`],
    ['API key', `${apiKey}  (account dev)`],
    ['PostgreSQL', stack.databaseUrl],
    ['  Neon protocol', stack.neonUrl],
    ['Redis', stack.redisUrl],
    ['  Upstash protocol', stack.env.UPSTASH_REDIS_REST_URL ?? ''],
    ['S3', `${stack.s3Endpoint}  (bucket ${stack.env.LYVE_BUCKET_NAME})`],
    ...stack.edges.map(({ id, url }) => [`Edge ${id}`, url]),
  ]
  return rows.map(([name = '', value]) => `${name.padEnd(20)}${value}`).join('\n')
}

async function run(): Promise<void> {
  let home = ROOT
  try {
    const options = parseOptions()
    home = options.home
    await main(options)
  } catch (error) {
    console.error(sentenceOf(error, home))
    process.exit(1)
  }
}

await run()
