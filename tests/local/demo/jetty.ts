import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

const CLI = join(import.meta.dirname, '../../../lib/cli/jetty.mjs')

/** Where a command goes and for whom. */
export type Service = { url: string; apiKey: string }

/** What `jetty upload --json` says of a file (docs/cli.md). */
export type Uploaded = {
  fileId: string
  fileHash: string
  duplicate: boolean
  sentBytes: number
  seconds: number
  functionCalls: number
  paths: Record<string, number>
}

/** What `jetty get --json` says. */
export type Fetched = Omit<Uploaded, 'duplicate' | 'sentBytes'> & { bytesReceived: number }

export type Running = { process: ChildProcess; result: Promise<string> }

/**
 * The command line in a process of its own, as a person would run it. `result` is what it wrote to stdout, and fails
 * with what it wrote to stderr.
 */
export function startJetty({ url, apiKey }: Service, args: string[]): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, JETTY_URL: url, JETTY_API_KEY: apiKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  let complained = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  child.stderr.on('data', (chunk) => {
    complained += chunk
  })
  const result = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(said)
      else reject(new Error(`jetty ${args[0]} ended with ${signal ?? code}: ${complained.trim()}`))
    })
  })
  return { process: child, result }
}

/** Runs a command to its end and gives the one object it wrote. */
export async function jetty<T>(service: Service, args: string[], signal: AbortSignal): Promise<T> {
  const { process: child, result } = startJetty(service, [...args, '--json'])
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    return JSON.parse(await result)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', kill)
  }
}
