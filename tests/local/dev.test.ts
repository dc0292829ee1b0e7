import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, stat, truncate } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from './listen.ts'
import { temporaryFolder } from './temporary.ts'

const START_LIMIT_MS = 40_000

let home: string
const running: ChildProcess[] = []

beforeAll(async () => {
  home = await temporaryFolder()
})
afterAll(async () => {
  for (const child of running) kill(child, 'SIGKILL')
  await rm(home, { recursive: true, force: true })
})

test('data and API key are the same after Ctrl-C, after a hard kill, and not after --reset', async () => {
  const first = await dev()
  const { mode } = await stat(join(home, 'dev.env'))
  expect(mode & 0o777).toBe(0o600)
  const settings = await readFile(join(home, 'dev.env'), 'utf8')
  const [, url, apiKey] = /JETTY_URL=(.*)\nJETTY_API_KEY=(.*)\n/.exec(settings) ?? []
  expect(first.output()).toContain(apiKey)
  expect((await fetch(url ?? '')).status).toBe(200)

  const second = await dev()
  expect([second.code, second.output()]).toEqual([
    1,
    expect.stringMatching(/^Another npm run dev uses .* already/),
  ])

  kill(first.child, 'SIGINT')
  expect(await once(first.child, 'exit')).toEqual([0, null])
  await expect(fetch(url ?? '')).rejects.toThrow()

  const third = await dev()
  kill(third.child, 'SIGKILL')
  const fourth = await dev()
  expect(fourth.output()).toContain(apiKey)
  kill(fourth.child, 'SIGTERM')
  expect(await once(fourth.child, 'exit')).toEqual([0, null])

  const fifth = await dev('--reset')
  expect(fifth.output()).toMatch(/jt_live_/)
  expect(fifth.output()).not.toContain(apiKey)
  kill(fifth.child, 'SIGINT')
  await once(fifth.child, 'exit')
}, 200_000)

test('a damaged data folder is one sentence, and --reset mends it', async () => {
  const first = await dev()
  kill(first.child, 'SIGINT')
  await once(first.child, 'exit')
  await truncate(join(home, 'data/postgres/global/pg_control'), 0)
  const damaged = await dev()
  expect([damaged.code, damaged.output()]).toEqual([
    1,
    expect.stringMatching(/^The data in .* is damaged.*\n$/),
  ])
  const mended = await dev('--reset')
  expect(mended.code).toBeNull()
  kill(mended.child, 'SIGINT')
  await once(mended.child, 'exit')
}, 120_000)

test('where another one has claimed its ports, it takes those of the next place', async () => {
  const claim = createServer()
  const claimed = await listen(claim, 15_431)
  const other = await dev('--reset')
  expect(other.output()).toMatch(/^S3 .*:154\d\d /m)
  expect(other.output()).not.toContain(`:${claimed + 4} `)
  kill(other.child, 'SIGINT')
  await once(other.child, 'exit')
  claim.close()
}, 120_000)

test('an unknown option and an unusable port are one sentence, --help is the help', async () => {
  expect((await dev('--nonsense')).output()).toBe('That option is unknown; --help lists them.\n')
  expect((await dev('--port', 'http')).output()).toBe('--port http is not a port.\n')
  expect((await dev('--help')).output()).toMatch(/^npm run dev -- \[--port N\]/)
})

/** Starts dev in a group of its own, and waits until it is ready or has ended. */
async function dev(...flags: string[]) {
  const words = ['--import', 'tsx', join(import.meta.dirname, 'dev.ts'), '--home', home, ...flags]
  const child = spawn(process.execPath, words, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.push(child)
  let text = ''
  await new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, START_LIMIT_MS)
    const keep = (chunk: Buffer) => {
      text += chunk
      if (/^Ready in/m.test(text)) resolve()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('close', () => resolve())
    child.once('close', () => clearTimeout(limit))
  })
  return { child, code: child.exitCode, output: () => text }
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null && child.pid)
    process.kill(-child.pid, signal)
}
