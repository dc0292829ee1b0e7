import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const STOP_LIMIT_MS = 5_000
const HERE = import.meta.dirname
const PRELOADED = ['tsx', './tests/local/with-parent.ts']

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
  const flags = [
    ...PRELOADED.flatMap((name) => ['--import', name]),
    join(HERE, program),
    JSON.stringify(options),
  ]
  // A group of its own: Ctrl-C in the terminal is for the parent, which then stops things in order.
  const child = spawn(process.execPath, flags, {
    cwd: join(HERE, '../..'),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  return { process: child, ready: await firstMessage(child, program), stop: () => end(child) }
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
