import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signWebhook } from '../../lib/webhooks/standard.ts'
import { aDatabase } from '../local/database.ts'
import { startFlaky } from '../local/flaky.ts'
import { type Functions, startFunctions } from '../local/functions.ts'
import { freePort } from '../local/listen.ts'
import { SENDER } from '../local/webhook.ts'

/*
 * The code of docs/integration.md, as it stands there, in front of this deployment: the customer has a database of its own.
 */

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENT = await readFile(join(ROOT, 'docs/integration.md'), 'utf8')
const run = promisify(execFile)

type Row = Record<string, string | number | null>
type Code = {
  signUp(db: pg.ClientBase, user: { id: string; email: string; tier: string }): Promise<void>
  deliver(db: pg.Pool): Promise<number>
  changeTier(db: pg.ClientBase, userId: string, tier: string): Promise<void>
  changeStatus(db: pg.ClientBase, userId: string, status: string): Promise<void>
  rotateKey(db: pg.Pool, userId: string, overlapSeconds?: number): Promise<string>
  unseal(sealed: string, userId: string): string
}

let folder: string
let code: Code
let database: Awaited<ReturnType<typeof aDatabase>>
let workers: pg.Pool
const running: (Functions | Awaited<ReturnType<typeof startFlaky>>)[] = []

beforeAll(async () => {
  // Below node_modules, so that the types of Node are found.
  await mkdir(join(ROOT, '.jetty'), { recursive: true })
  folder = await mkdtemp(join(ROOT, '.jetty/integration-'))
  await writeCode(folder)
  code = Object.assign(
    {},
    ...(await Promise.all(
      ['sign-up', 'payment', 'status', 'jetty/worker', 'jetty/rotate', 'jetty/seal'].map(
        (name) => import(/* @vite-ignore */ pathToFileURL(join(folder, `${name}.js`)).href),
      ),
    )),
  )
  Object.assign(process.env, {
    INTERNAL_WEBHOOK_SECRET: SENDER.internal,
    AGENTCACHE_WEBHOOK_SECRET: SENDER.storage,
    CREDENTIALS_KEY: randomBytes(32).toString('base64'),
  })
  database = await aDatabase()
  await database.client.query(
    'CREATE TABLE users (id text PRIMARY KEY, email text NOT NULL UNIQUE)',
  )
  for (const statement of blocks('sql')) await database.client.query(statement)
  workers = new pg.Pool({ connectionString: database.url, max: 4 })
})

afterAll(async () => {
  await workers?.end()
  await database?.client.end()
  for (const one of running) await one.stop()
  await rm(folder, { recursive: true, force: true })
})

const aUser = (tier = 'starter') => {
  const id = `usr_${randomUUID()}`
  return { id, email: `${id}@example.test`, tier }
}

async function aDeployment(port?: number): Promise<Functions> {
  const functions = await startFunctions({ port })
  running.push(functions)
  process.env.JETTY_URL = functions.url
  return functions
}

async function outboxOf(userId: string): Promise<Row[]> {
  const { rows } = await workers.query(
    'SELECT * FROM jetty_outbox WHERE user_id = $1 ORDER BY id',
    [userId],
  )
  return rows
}

async function credentialsOf(userId: string) {
  const { rows } = await workers.query('SELECT sealed FROM jetty_credentials WHERE user_id = $1', [
    userId,
  ])
  return { kept: rows.length, ...JSON.parse(rows[0] ? code.unseal(rows[0].sealed, userId) : '{}') }
}

/** The time until the next attempt passes. */
const later = () =>
  workers.query(
    `UPDATE jetty_outbox SET next_attempt_at = now() WHERE next_attempt_at < 'infinity'`,
  )

/** Everything that is due, as a worker that runs for ever would. */
async function deliverAll(): Promise<void> {
  while ((await code.deliver(workers)) > 0);
}

async function accountsOf(userId: string): Promise<number> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
  await client.connect()
  const { rows } = await client.query(
    'SELECT count(*)::int AS n FROM agentcache_accounts WHERE agentcache_user_id = $1',
    [userId],
  )
  await client.end()
  return rows[0].n
}

async function quotaOf(apiKey: string) {
  const url = `${process.env.JETTY_URL}/api/agentcache/quota`
  const response = await fetch(url, { headers: { authorization: `Bearer ${apiKey}` } })
  return { status: response.status, body: await response.json() }
}

test('while the deployment is away a sign-up succeeds at once; when it is back there is one account', async () => {
  const port = await freePort()
  process.env.JETTY_URL = `http://127.0.0.1:${port}`
  const user = aUser()
  const begun = performance.now()
  await code.signUp(database.client, user)
  expect(performance.now() - begun).toBeLessThan(4000)

  for (const [attempt, seconds] of [5, 300, 1800].entries()) {
    expect(await code.deliver(workers)).toBe(1)
    const [row] = await outboxOf(user.id)
    expect(row).toMatchObject({ attempts: attempt + 1, done_at: null })
    expect(String(row?.last_error)).toMatch(/fetch failed/)
    const wait = (Number(row?.next_attempt_at) - Date.now()) / 1000
    expect(wait).toBeGreaterThan(seconds - 5)
    expect(wait).toBeLessThanOrEqual(seconds)
    expect(await code.deliver(workers)).toBe(0)
    await later()
  }
  const [before] = await outboxOf(user.id)

  await aDeployment(port)
  await deliverAll()
  const [row] = await outboxOf(user.id)
  expect(row).toMatchObject({ webhook_id: before?.webhook_id, last_error: null })
  expect(row?.done_at).not.toBeNull()
  expect(await accountsOf(user.id)).toBe(1)
  const { kept, api_key, api_secret } = await credentialsOf(user.id)
  expect([kept, api_secret]).toEqual([1, expect.stringMatching(/^jts_/)])
  expect(await quotaOf(api_key)).toMatchObject({ status: 200, body: { tier: 'starter' } })
  const everything = JSON.stringify(
    (
      await workers.query(
        'SELECT o, c FROM jetty_outbox o LEFT JOIN jetty_credentials c USING (user_id)',
      )
    ).rows,
  )
  expect(everything).toContain(user.id)
  for (const secret of [api_key, api_secret]) expect(everything).not.toContain(secret)
})

test('an answer that is lost costs nothing: the message is sent again, and the account is one', async () => {
  const functions = await aDeployment()
  const flaky = await startFlaky(() => functions.url)
  running.push(flaky)
  flaky.plan.push('cut after', 'cut short', 503)
  process.env.JETTY_URL = flaky.url
  const user = aUser('pro')
  await code.signUp(database.client, user)
  for (let n = 0; n < 4; n++) {
    expect((await credentialsOf(user.id)).kept).toBe(0)
    await deliverAll()
    await later()
  }
  const ids = flaky.seen.map(({ headers }) => headers['webhook-id'])
  const times = flaky.seen.map(({ headers }) => headers['webhook-signature'])
  expect([ids.length, new Set(ids).size, times.length]).toEqual([4, 1, 4])
  expect(await accountsOf(user.id)).toBe(1)
  process.env.JETTY_URL = functions.url
  expect((await quotaOf((await credentialsOf(user.id)).api_key)).status).toBe(200)
})

test('a sign-up that is taken back asks for no account', async () => {
  const user = aUser()
  await code.signUp(database.client, user)
  await expect(code.signUp(database.client, { ...user, id: `${user.id}-2` })).rejects.toThrow(
    /unique/,
  )
  expect(await outboxOf(`${user.id}-2`)).toEqual([])
  expect(await outboxOf(user.id)).toHaveLength(1)
})

test('many workers at once send each message once', async () => {
  const functions = await aDeployment()
  const flaky = await startFlaky(() => functions.url)
  running.push(flaky)
  process.env.JETTY_URL = flaky.url
  await deliverAll()
  flaky.seen.length = 0
  const users = Array.from({ length: 10 }, () => aUser())
  for (const user of users) await code.signUp(database.client, user)
  await Promise.all(Array.from({ length: 6 }, deliverAll))
  expect(flaky.seen).toHaveLength(10)
  for (const { id } of users) expect((await credentialsOf(id)).kept).toBe(1)
})

test('a worker that died in the middle is followed by another, after a minute', async () => {
  await aDeployment()
  await deliverAll()
  const user = aUser()
  await code.signUp(database.client, user)
  // What it did before it died: it took the row.
  await workers.query(
    `UPDATE jetty_outbox SET attempts = 1, next_attempt_at = now() + interval '1 minute' WHERE user_id = $1`,
    [user.id],
  )
  expect(await code.deliver(workers)).toBe(0)
  await later()
  await deliverAll()
  expect((await credentialsOf(user.id)).kept).toBe(1)
})

test('a paid tier never overtakes the account, and counts once it is there', async () => {
  const functions = await aDeployment()
  const flaky = await startFlaky(() => functions.url)
  running.push(flaky)
  process.env.JETTY_URL = flaky.url
  await deliverAll()
  flaky.seen.length = 0
  flaky.plan.push(503, 'pass', 503)
  const user = aUser('free')
  await code.signUp(database.client, user)
  await code.changeTier(database.client, user.id, 'pro')
  await code.changeTier(database.client, user.id, 'business')
  for (let n = 0; n < 4; n++) {
    await deliverAll()
    await later()
  }
  const paths = flaky.seen.map(({ path }) => path.split('/').at(-1))
  expect(paths).toEqual(['provision', 'provision', 'tier', 'tier', 'tier'])
  process.env.JETTY_URL = functions.url
  expect((await quotaOf((await credentialsOf(user.id)).api_key)).body.tier).toBe('business')
})

test('suspended, given back and deleted: the same outbox, the other secret', async () => {
  await aDeployment()
  const user = aUser()
  await code.signUp(database.client, user)
  await deliverAll()
  const { api_key } = await credentialsOf(user.id)
  for (const [status, expected] of [
    ['suspended', 403],
    ['active', 200],
    ['deleted', 403],
  ] as const) {
    await code.changeStatus(database.client, user.id, status)
    await deliverAll()
    expect((await quotaOf(api_key)).status).toBe(expected)
  }
})

test('a new key is kept in place of the old one, which works on; after a lost answer nothing ends', async () => {
  await aDeployment()
  const user = aUser()
  await code.signUp(database.client, user)
  await deliverAll()
  const first = await credentialsOf(user.id)
  const second = await code.rotateKey(workers, user.id)
  expect(await credentialsOf(user.id)).toEqual({ ...first, api_key: second })
  for (const key of [first.api_key, second]) expect((await quotaOf(key)).status).toBe(200)

  const keys = async (method: string, query = '') => {
    const headers = {
      authorization: `Bearer ${first.api_secret}`,
      'content-type': 'application/json',
    }
    const body = method === 'POST' ? '{}' : null
    const url = `${process.env.JETTY_URL}/api/agentcache/keys${query}`
    return await (await fetch(url, { method, headers, body })).json()
  }
  // Nobody reads this answer.
  await keys('POST')
  const idOf = (key: string) => createHash('sha256').update(key).digest('hex').slice(0, 16)
  const [unknown] = (await keys('GET')).keys
  expect(unknown.keyId).not.toBe(idOf(second))
  await keys('DELETE', `?keyId=${unknown.keyId}`)
  const third = await code.rotateKey(workers, user.id)
  for (const key of [second, third]) expect((await quotaOf(key)).status).toBe(200)
})

test('after the last attempt a message waits for somebody, and goes when it is told to', async () => {
  process.env.JETTY_URL = 'http://127.0.0.1:9'
  await workers.query('DELETE FROM jetty_outbox WHERE done_at IS NULL')
  const user = aUser()
  await code.signUp(database.client, user)
  for (let n = 0; n < 12; n++) {
    await deliverAll()
    await later()
  }
  expect(await outboxOf(user.id)).toMatchObject([{ attempts: 10, next_attempt_at: Infinity }])
  await aDeployment()
  await workers.query('UPDATE jetty_outbox SET next_attempt_at = now() WHERE done_at IS NULL')
  await deliverAll()
  expect((await credentialsOf(user.id)).kept).toBe(1)
})

test('the curl examples work as they are', async () => {
  await aDeployment()
  const [post = '', read = ''] = blocks('sh')
  for (const secret of [SENDER.internal, `whsec_${SENDER.internal},older`]) {
    const userId = `usr_${randomUUID()}`
    const script = post.replaceAll('usr_1', userId).replaceAll('"\n', '"; echo\n').concat('; echo')
    const { stdout } = await bash(script, { INTERNAL_WEBHOOK_SECRET: secret })
    const [provisioned, tier, suspended, active] = jsonLines(stdout)
    expect(provisioned).toMatchObject({
      success: true,
      credentials: { api_key: expect.any(String) },
    })
    expect(tier).toMatchObject({ success: true, account: { tier: 'business' } })
    expect([suspended.account.status, active.account.status]).toEqual(['suspended', 'active'])
    const { api_key: JETTY_API_KEY, api_secret: JETTY_API_SECRET } = provisioned.credentials

    const answers = await bash(read.replaceAll('\n', '; echo\n').concat('; echo'), {
      JETTY_API_KEY,
      JETTY_API_SECRET,
    })
    const [quota, keys] = jsonLines(answers.stdout)
    expect(quota).toMatchObject({ tier: 'business', storage: { usedBytes: 0 } })
    expect(keys.keys).toHaveLength(1)
  }
})

test('the receiver of events knows what this service signed from anything else', async () => {
  const [text = ''] = [...DOCUMENT.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, block]) => block)
  await writeFile(join(folder, 'receiver.js'), text)
  const { isFromJetty } = await import(/* @vite-ignore */ join(folder, 'receiver.js'))
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const other = `whsec_${randomBytes(32).toString('base64')}`
  const timestamp = Math.floor(Date.now() / 1000)
  const body = '{"type":"webhook.test"}'
  const headers = { ...signWebhook({ id: 'msg_1', timestamp, body }, [other, secret]) }
  expect(isFromJetty(headers, body, secret)).toBe(true)
  expect(isFromJetty(headers, `${body} `, secret)).toBe(false)
  expect(isFromJetty(headers, body, `whsec_${'A'.repeat(43)}=`)).toBe(false)
  expect(isFromJetty({}, body, secret)).toBe(false)
  const late = { ...signWebhook({ id: 'msg_1', timestamp: timestamp - 400, body }, [secret]) }
  expect(isFromJetty(late, body, secret)).toBe(false)
})

test('the code passes a strict type-check and needs nothing but Node', () => {
  const files = [...codeOf().keys()].map((name) => join(folder, name))
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    types: ['node'],
    skipLibCheck: true,
  })
  const faults = ts.getPreEmitDiagnostics(program)
  expect(
    faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
  ).toEqual([])
  const imported = [...DOCUMENT.matchAll(/^import .* from '([^']+)'$/gm)].map(([, name]) => name)
  expect(imported.filter((name) => !/^(?:node:|\.)/.test(name ?? ''))).toEqual([])
}, 60_000)

/** The fenced blocks of a language. */
function blocks(language: string): string[] {
  const fenced = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm')
  const before = DOCUMENT.slice(0, DOCUMENT.indexOf('\n## Events'))
  return [...before.matchAll(fenced)].map(([, text = '']) => text.trim())
}

/** The TypeScript blocks by the name in their first line. */
function codeOf(): Map<string, string> {
  return new Map(blocks('ts').map((text) => [/^\/\/ (\S+\.ts)\n/.exec(text)?.[1] ?? '', text]))
}

/** Writes each block beside what it compiles to. */
async function writeCode(into: string): Promise<void> {
  await writeFile(join(into, 'package.json'), '{"type":"module"}')
  for (const [name, text] of codeOf()) {
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        rewriteRelativeImportExtensions: true,
      },
    })
    await mkdir(dirname(join(into, name)), { recursive: true })
    await writeFile(join(into, name), text)
    await writeFile(join(into, name.replace(/\.ts$/, '.js')), outputText)
  }
}

async function bash(script: string, env: Record<string, string>) {
  // Without them a machine cannot try the examples; this says so rather than that they are wrong.
  for (const tool of ['bash', 'curl', 'openssl']) execFileSync('sh', ['-c', `command -v ${tool}`])
  return await run('bash', ['-euo', 'pipefail', '-c', script], {
    env: {
      PATH: process.env.PATH,
      JETTY_URL: process.env.JETTY_URL,
      AGENTCACHE_WEBHOOK_SECRET: SENDER.storage,
      ...env,
    },
  })
}

function jsonLines(text: string) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
