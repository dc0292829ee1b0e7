import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const JETTY = fileURLToPath(new URL('../../lib/cli/jetty.mjs', import.meta.url))

export type Ran = {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by looking into the lines
  lines: any[]
}

/** The `jetty` command as its users run it, with an environment of its own. */
export function jetty(
  env: Record<string, string>,
  ...words: string[]
): { child: ChildProcess; ended: Promise<Ran> } {
  const child = spawn(process.execPath, [JETTY, ...words], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { child, ended: outputOf(child) }
}

async function outputOf(child: ChildProcess): Promise<Ran> {
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (text) => (output.stdout += text))
  child.stderr?.on('data', (text) => (output.stderr += text))
  const [code, signal] = await once(child, 'close')
  const isJson = output.stdout.startsWith('{')
  const lines = isJson
    ? output.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
    : []
  return { code, signal, ...output, lines }
}
