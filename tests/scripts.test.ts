import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)

const COPY_MS_MAX = 60_000
const SCRIPT_MS_MAX = 120_000
const START_MS_MAX = 90_000
const STOP_MS_MAX = 20_000

type Form = { args?: string[]; exit: number; says: RegExp; database?: true }

/** The shortest form of each script. What .ci/run runs itself is not run twice, `dev` has a test of its own. */
const SHORTEST: Record<string, Form> = {
  bench: { args: ['--help'], exit: 0, says: /npm run bench/ },
  'bench:delta': { args: ['--help'], exit: 0, says: /npm run bench:delta/ },
  soak: { args: ['--help'], exit: 0, says: /npm run soak/ },
  smoke: { args: ['--help'], exit: 0, says: /npm run smoke/ },
  jetty: { args: ['--help'], exit: 0, says: /upload/ },
  edge: { args: ['--help'], exit: 0, says: /EDGE_ORIGIN/ },
  probe: { exit: 1, says: /LYVE_ENDPOINT is missing/ },
  'db:generate': { exit: 0, says: /No schema changes/ },
  'db:migrate': { exit: 0, says: /migrat/i, database: true },
  'db:seed': { exit: 0, says: /drizzle\/seed/, database: true },
  'vercel-check': { args: ['--help'], exit: 0, says: /vercel build/ },
  'vercel-build': { exit: 0, says: /bundle-functions/ },
}
const IN_CI = ['check', 'demo', 'test']

let clone: string
const home = process.env.HOME ?? ''
const PATH = process.env.PATH ?? ''

beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'jetty-clone-'))
  // As a checkout's folder is: run by root, PostgreSQL changes to another user, who must get in.
  await chmod(clone, 0o755)
  await copyProject(clone)
  // .ci/run installs on a clean clone: once with the packages' own scripts, once without.
  await symlink(resolve('node_modules'), join(clone, 'node_modules'))
}, COPY_MS_MAX)

afterAll(() => rm(clone, { recursive: true, force: true }), STOP_MS_MAX)

test('every script of package.json is listed here', async () => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8'))
  expect([...Object.keys(SHORTEST), ...IN_CI, 'dev'].sort()).toEqual(Object.keys(scripts).sort())
})

test.each(IN_CI)('npm run %s is run by .ci/run on a clean clone', async (script) => {
  const ci = await readFile('.ci/run', 'utf8')
  const readme = await readFile('README.md', 'utf8')
  const inReadme = new RegExp(`^npm ci && npm (run )?${script}$`, 'm').test(readme)
  expect(inReadme || ci.includes(`'npm run --silent ${script}'`)).toBe(true)
})

test('one of the README’s commands is run by .ci/run after an installation that ran no script of a package', async () => {
  expect(await readFile('.ci/run', 'utf8')).toMatch(/^ {2}npm_config_ignore_scripts=true step /m)
})

test.each(Object.entries(SHORTEST))(
  'in a clean clone npm run %s works',
  async (script, { args = [], exit, says, database }) => {
    const { code, output } = await npmRun(script, args, database)
    expect(output).toMatch(says)
    expect(code, output).toBe(exit)
  },
  SCRIPT_MS_MAX,
)

test('vercel-build leaves the sources alone outside of Vercel', async () => {
  await npmRun('vercel-build', [])
  for (const file of ['api/health.ts', 'api/storage/upload.ts']) {
    expect(await readFile(join(clone, file), 'utf8')).toBe(await readFile(file, 'utf8'))
  }
})

test('vendored imports are made again when a recipe changes, and only then', async () => {
  const made = () => stat(join(clone, 'lib/vendor/zod.js'))
  await npmRun('vercel-build', [])
  const { mtimeMs } = await made()
  await npmRun('vercel-build', [])
  expect((await made()).mtimeMs).toBe(mtimeMs)

  await appendFile(join(clone, 'lib/vendor/zod.d.ts'), '\n')
  await npmRun('vercel-build', [])
  expect((await made()).mtimeMs).toBeGreaterThan(mtimeMs)
})

test(
  'npm run dev prints a ready-made API key, and Ctrl-C leaves nothing running',
  async () => {
    const child = spawn('npm', ['run', 'dev'], {
      cwd: clone,
      env: { PATH, HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    try {
      await printed(child, /jt_live_[\w-]+/, START_MS_MAX)
      signalGroup(child, 'SIGINT')
      await groupGone(child)
    } finally {
      signalGroup(child, 'SIGKILL')
    }
  },
  SCRIPT_MS_MAX,
)

/** The project as a clone with everything committed would hold it. */
async function copyProject(into: string): Promise<void> {
  const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = await run('git', listed, { maxBuffer: 16e6 })
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(into, file)), { recursive: true })
    // A tracked file may just have been deleted.
    await cp(file, join(into, file)).catch(() => {})
  }
}

async function npmRun(script: string, args: string[], database?: true) {
  const settings = database ? { DATABASE_URL: process.env.DATABASE_URL ?? '' } : {}
  const env = { PATH, HOME: home, NO_COLOR: '1', ...settings }
  return await new Promise<{ code: number | string; output: string }>((done) => {
    execFile('npm', ['run', script, '--', ...args], { cwd: clone, env }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, output: stdout + stderr }),
    )
  })
}

/** Waits until a process has printed what is looked for. */
async function printed(child: ChildProcess, pattern: RegExp, withinMs: number): Promise<void> {
  let output = ''
  await new Promise<void>((found, failed) => {
    const late = () => failed(new Error(`not printed within ${withinMs} ms:\n${output}`))
    const limit = setTimeout(late, withinMs).unref()
    const take = (chunk: Buffer) => {
      output += chunk
      if (!pattern.test(output)) return
      clearTimeout(limit)
      found()
    }
    child.stdout?.on('data', take)
    child.stderr?.on('data', take)
    child.once('exit', (code) => failed(new Error(`ended with ${code} before that:\n${output}`)))
  })
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal)
  } catch {
    return false
  }
}

async function groupGone(child: ChildProcess): Promise<void> {
  const deadline = Date.now() + STOP_MS_MAX
  while (signalGroup(child, 0)) {
    if (Date.now() > deadline) throw new Error('Something of the stack still runs after Ctrl-C')
    await wait(50)
  }
}
