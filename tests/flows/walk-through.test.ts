import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startFunctions } from '../local/functions.ts'
import { closeServer, listen } from '../local/listen.ts'
import { startProxy } from '../local/proxy.ts'
import { temporaryFolder } from '../local/temporary.ts'
import { SENDER } from '../local/webhook.ts'
import type { Target } from '../smoke/target.ts'
import { walkThrough } from '../smoke/walk.ts'

const ROOT = join(import.meta.dirname, '../..')
const STEPS = [
  'health',
  'provision',
  'provision again',
  'quota',
  'upload 3 small files',
  'upload 17 MiB in 4 parts',
  'quota changed',
  'upload again',
  'download and compare',
  'quota after downloads',
  'another tier',
  'delete for good',
  'quota given back',
  'delete the account',
]
const DEV_LIMIT_MS = 100_000

// As Vercel gives it to a protected preview, so that its calls to itself come past its own door.
process.env.VERCEL_AUTOMATION_BYPASS_SECRET = 'let-me-in'
const functions = await startFunctions()
const running: ChildProcess[] = []
afterAll(async () => {
  for (const child of running) signalGroup(child, 'SIGKILL')
  await functions.stop()
})

const signal = AbortSignal.timeout(60_000)
const target = (change: Partial<Target> = {}): Target => ({
  url: functions.url,
  internalSecret: SENDER.internal,
  storageSecret: SENDER.storage,
  bypass: null,
  ...change,
})

test('a new user: health, an account, the same again, quota, upload, quota changed, download, gone', async () => {
  const told: string[] = []
  const { ok, steps } = await walkThrough(target(), {
    signal,
    onStep: ({ name }) => void told.push(name),
  })
  expect(steps.map(({ name, state, detail }) => [name, state, detail])).toEqual(
    STEPS.map((name) => [name, 'ok', expect.any(String)]),
  )
  expect(ok).toBe(true)
  expect(told).toEqual(STEPS)
})

test('without the storage side’s secret all is done but the account’s deletion, and that is said', async () => {
  const { ok, steps, userId } = await walkThrough(target({ storageSecret: null }), { signal })
  expect(ok).toBe(true)
  expect(steps.at(-1)).toMatchObject({
    name: 'delete the account',
    state: 'left out',
    detail: expect.stringContaining(userId),
  })
})

test.each([
  ['/api/health', 'health', 'answered 418'],
  ['/api/webhooks/jettythunder/provision', 'provision', 'answered 418'],
  ['/api/agentcache/quota', 'quota', 'answered 418'],
  ['/api/storage/upload', 'upload 3 small files', 'answered 418'],
  ['/api/storage/download', 'download and compare', 'answered 418'],
  ['/api/webhooks/jettythunder/tier', 'another tier', 'answered 418'],
])('where %s fails, the step %s says so, and nothing is left behind', async (path, name, says) => {
  const proxy = await startProxy(functions.url)
  proxy.fault = ({ url }) => (url.startsWith(path) ? { status: 418, body: 'no tea' } : 'pass')
  const { ok, steps } = await walkThrough(target({ url: proxy.url }), { signal })
  await proxy.stop()
  expect(ok).toBe(false)
  const failed = steps.find(({ state }) => state === 'failed')
  expect(failed).toMatchObject({ name, detail: expect.stringContaining(says) })
  // Where the quota is what fails, so does the look at it after the deletion.
  if (!['/api/health', '/api/agentcache/quota'].includes(path))
    expect(steps.at(-1)).toMatchObject({ name: 'delete the account', state: 'ok' })
})

test('a wrong secret fails the second step; a deployment that is not there the first', async () => {
  const wrong = await walkThrough(target({ internalSecret: SENDER.storage }), { signal })
  expect(wrong.steps.find(({ state }) => state === 'failed')).toMatchObject({
    name: 'provision',
    detail: expect.stringContaining('401'),
  })
  const away = await walkThrough(target({ url: 'http://127.0.0.1:9' }), { signal })
  expect(away.steps).toEqual([
    expect.objectContaining({ name: 'health', detail: expect.stringMatching(/does not answer/) }),
  ])
})

test('as a command: a table or JSON, and exit codes', async () => {
  const secrets = {
    INTERNAL_WEBHOOK_SECRET: SENDER.internal,
    AGENTCACHE_WEBHOOK_SECRET: SENDER.storage,
  }
  const json = await smoke(['--url', functions.url, '--json'], secrets)
  expect(json.code).toBe(0)
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, url: functions.url })
  expect(json.stderr).toMatch(/14 passed, 0 failed/)
  expect(json.stdout + json.stderr).not.toMatch(/jt_live_|jts_/)
  for (const secret of Object.values(secrets))
    expect(json.stdout + json.stderr).not.toContain(secret)

  const bad = await smoke(['--url', functions.url], { INTERNAL_WEBHOOK_SECRET: SENDER.storage })
  expect([bad.code, bad.stdout]).toEqual([1, expect.stringMatching(/^FAILED {2}provision /m)])
  const missing = await smoke(['--url', functions.url], {})
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringMatching(/INTERNAL_WEBHOOK_/)])
  for (const words of [['--url', 'nonsense'], ['--nonsense'], ['--home', '/nonexistent']])
    expect((await smoke(words, secrets)).code).toBe(2)
  expect(await smoke(['--help'], {})).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/--bypass/),
  })
}, 60_000)

test('a protected preview lets pass whoever has the bypass secret, and says what is missing else', async () => {
  const guarded = createServer((incoming, outgoing) => {
    const isLetIn = incoming.headers['x-vercel-protection-bypass'] === 'let-me-in'
    if (!isLetIn) return void outgoing.writeHead(401).end('<html>Authentication Required</html>')
    const { method, url: path, headers } = incoming
    const onward = request(`${functions.url}${path}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward)
  })
  const url = `http://127.0.0.1:${await listen(guarded)}`
  const out = await walkThrough(target({ url }), { signal })
  expect(out.steps).toEqual([
    expect.objectContaining({ name: 'health', detail: expect.stringContaining('--bypass') }),
  ])
  const secrets = { INTERNAL_WEBHOOK_SECRET: SENDER.internal }
  const { code, stdout } = await smoke(['--url', url, '--bypass', 'let-me-in'], secrets)
  expect([code, stdout]).toEqual([0, expect.stringMatching(/13 passed, 0 failed/)])
  await closeServer(guarded)
}, 60_000)

test(
  'against npm run dev it works out of the box',
  async () => {
    const home = await temporaryFolder()
    // At a port that no other one takes once this one has left.
    const guard = createServer()
    const port = String(await listen(guard))
    await closeServer(guard)
    const dev = join(ROOT, 'tests/local/dev.ts')
    const words = ['--import', 'tsx', dev, '--home', home, '--port', port]
    const child = spawn(process.execPath, words, {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.push(child)
    await new Promise<void>((ready, failed) => {
      child.stdout.on('data', (text) => /^Ready in/m.test(String(text)) && ready())
      child.once('exit', () => failed(new Error('npm run dev ended')))
    })
    const { code, stdout } = await smoke(['--home', home], { INTERNAL_WEBHOOK_SECRET: 'another' })
    expect([code, stdout]).toEqual([0, expect.stringMatching(/14 passed, 0 failed/)])
    expect(stdout).toMatch(/17 MiB in 4 parts .*(?:sfo|lax|nyc|lon|fra|tyo|[a-z]{3})-1/)

    signalGroup(child, 'SIGINT')
    await once(child, 'exit')
    const after = await smoke(['--home', home], {})
    expect([after.code, after.stderr]).toEqual([2, expect.stringMatching(/does not run any more/)])
    await rm(home, { recursive: true, force: true })
  },
  DEV_LIMIT_MS,
)

async function smoke(words: string[], env: Record<string, string>) {
  const args = ['--import', 'tsx', join(ROOT, 'tests/smoke.ts'), ...words]
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text) => (stdout += text))
  child.stderr.on('data', (text) => (stderr += text))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null && child.pid)
    process.kill(-child.pid, name)
}
