import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const REPOSITORY = join(import.meta.dirname, '../../..')
const STOP_LIMIT_MS = 5_000
/** Has a server end when whoever started it is gone. */
const WITH_PARENT = './tests/local/with-parent.ts'

/** Runs a command and gives what it printed. @throws Error with what it said when it fails */
export function run(...words: string[]): string {
  const [command = '', ...rest] = words
  const { status, stdout, stderr, error } = spawnSync(command, rest, { encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${words.join(' ')} failed: ${error?.message ?? stderr}`)
}

/** Runs a command whose failure changes nothing. */
export function runQuietly(...words: string[]): void {
  const [command = '', ...rest] = words
  spawnSync(command, rest, { stdio: 'ignore' })
}

export type InNamespace = {
  namespace: string
  words: string[]
  env?: Record<string, string | undefined>
  stdio?: StdioOptions
}

/** Starts a command in a network namespace. `ip netns exec` becomes it, so its id is the command's. */
export function spawnIn({ namespace, words, env, stdio }: InNamespace): ChildProcess {
  return spawn('ip', ['netns', 'exec', namespace, ...words], {
    cwd: REPOSITORY,
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    stdio: stdio ?? ['ignore', 'inherit', 'inherit'],
  })
}

/** A server in a namespace. `ready` is its first message; `ask` sends one and waits for the next. */
export type Server = {
  ready: Record<string, unknown>
  ask(message: string): Promise<Record<string, unknown>>
  kill(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts a program of this folder that is told its options as JSON and sends a message when it serves. It ends when this
 * process does.
 *
 * @throws Error when it ends before that
 */
export async function startServer(
  program: string,
  options: object,
  at: { namespace: string; env?: Record<string, string> },
): Promise<Server> {
  const words = [...serverWords(program), JSON.stringify(options)]
  const child = spawnIn({ ...at, words, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ready = await answerOf(child, program)
  return {
    ready,
    ask: (message) => {
      const answer = answerOf(child, program)
      child.send(message)
      return answer
    },
    kill: () => end(child, 'SIGKILL'),
    stop: () => end(child, 'SIGTERM'),
  }
}

/** The command line of a TypeScript program of this folder. */
export function nodeWords(program: string): string[] {
  return [process.execPath, '--import', 'tsx', join(import.meta.dirname, program)]
}

/** The same of one that is started with a channel to its parent. */
export function serverWords(program: string): string[] {
  const [node = '', ...words] = nodeWords(program)
  return [node, '--import', 'tsx', '--import', WITH_PARENT, ...words.slice(2)]
}

/** Ends a process and waits for that; one that does not listen is killed. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await ended
  clearTimeout(timer)
}

async function answerOf(child: ChildProcess, program: string): Promise<Record<string, unknown>> {
  return await new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${program} ended.`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve({ ...Object(message) })
    })
  })
}
