import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleOf } from '../../lib/cli/bundle.js'

const STOP_LIMIT_MS = 5_000
const HERE = import.meta.dirname
const PRELOADED = ['tsx', './tests/local/with-parent.ts']
/** What starts several times as fast from one file of JavaScript. The functions load theirs as they are asked for. */
const BUNDLED = ['s3/main.ts', 'edges-main.ts']

/** A program of this folder in a process of its own. `ready` is what it said when it began to serve. */
export type Child = { process: ChildProcess; ready: Record<string, unknown>; stop(): Promise<void> }

/**
 * Runs a program that takes its options as JSON, sends one message when it is ready, and ends with this process,
 * however this process ends.
 *
 * @throws Error when it ends before it is ready
 */
export async function startChild(
  program: string,
  options: object,
  env: Record<string, string | undefined> = {},
): Promise<Child> {
  const flags = [...(await wordsFor(program)), JSON.stringify(options)]
  // A group of its own: Ctrl-C in the terminal is for the parent, which then stops things in order.
  const child = spawn(process.execPath, flags, {
    cwd: join(HERE, '../..'),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  return { process: child, ready: await firstMessage(child, program), stop: () => end(child) }
}

/** The words that make node run it. */
async function wordsFor(program: string): Promise<string[]> {
  const names = BUNDLED.includes(program) ? ['with-parent.ts', program] : []
  const [preloaded, main] = await Promise.all(names.map(bundled))
  if (preloaded && main) return ['--import', preloaded, fileURLToPath(main)]
  return [...PRELOADED.flatMap((name) => ['--import', name]), join(HERE, program)]
}

/** The bundle's URL, where it can be made. Checkouts may share their packages' folder. */
function bundled(program: string): Promise<string | undefined> {
  const path = join(HERE, program)
  const mark = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return bundleOf(path, join(HERE, `../../node_modules/.cache/jetty/local-${mark}.mjs`))
}

async function firstMessage(
  child: ChildProcess,
  program: string,
): Promise<Record<string, unknown>> {
  return await new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${program} ended before it was ready.`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve({ ...Object(message) })
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await exited
  clearTimeout(timer)
}
