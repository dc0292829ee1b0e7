import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { FunctionStats } from '../../local/functions-stats.ts'

const ROOT = join(import.meta.dirname, '../../..')
const PROGRAM = 'tests/local/functions-main.ts'
const PRELOADED = ['tsx', './tests/local/with-parent.ts']
const LINES_KEPT = 20_000
const CAUSE_CHARS = 300

export type Functions = {
  url: string
  /** Null when the process dies meanwhile. */
  stats(): Promise<FunctionStats | null>
  /**
   * Loads another process; what is returned kills the present one at once, whatever it is doing, and puts the other in its
   * place.
   */
  standBy(): Promise<() => Promise<void>>
  /** What its log says of a request; empty for nothing. */
  logOf(requestId: string): string
  /** What the errors in its log come down to, and how often. */
  causes(): Record<string, number>
  /** How often it logged each message. */
  logged(): Record<string, number>
  stop(): Promise<void>
}

/**
 * The functions in a process of their own, like tests/local/functions-child.ts, but its log is kept instead of printed, and
 * it can be killed.
 */
export async function startFunctions(env: Record<string, string>): Promise<Functions> {
  const lines: string[] = []
  const logged: Record<string, number> = {}
  const causes: Record<string, number> = {}
  const note = (line: string) => {
    lines.push(line)
    if (lines.length > LINES_KEPT) lines.shift()
    const { message, cause } = readLine(line)
    count(logged, message)
    if (cause !== null) count(causes, `${message}: ${cause}`)
  }
  const first = await start(env, {}, note)
  const { url, port } = first.ready
  let { child } = first

  return {
    url: String(url),
    logged: () => logged,
    causes: () => causes,
    logOf: (requestId) =>
      (lines.find((line) => line.includes(requestId)) ?? '').slice(0, CAUSE_CHARS),
    async stats() {
      const controller = new AbortController()
      const { signal } = controller
      const answered = once(child, 'message', { signal }).then(([stats]) => stats)
      const died = once(child, 'exit', { signal }).then(() => null)
      child.send('stats')
      const settled = Promise.race([answered, died])
      void Promise.allSettled([answered, died])
      return await settled.finally(() => controller.abort())
    },
    async standBy() {
      const next = await start(env, { port, standby: true }, note)
      return async () => {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
        next.child.send('listen')
        await once(next.child, 'message')
        child = next.child
      }
    },
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(timer)
    },
  }
}

async function start(
  env: Record<string, string>,
  options: object,
  note: (line: string) => void,
): Promise<{ child: ChildProcess; ready: Record<string, unknown> }> {
  const flags = PRELOADED.flatMap((name) => ['--import', name])
  const child = spawn(process.execPath, [...flags, PROGRAM, JSON.stringify(options)], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  })
  for (const stream of [child.stdout, child.stderr])
    if (stream) createInterface(stream).on('line', note)
  const [ready] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error('the functions ended before they were ready')
    }),
  ])
  return { child, ready: { ...Object(ready) } }
}

/** The message of a line of its log, and the innermost cause of an error. */
function readLine(line: string): { message: string; cause: string | null } {
  try {
    const { message, level, ...fields } = JSON.parse(line)
    let error = fields
    while (error.cause) error = error.cause
    return { message: String(message), cause: level === 'error' ? String(error.error) : null }
  } catch {
    return { message: 'not a log line', cause: line }
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
