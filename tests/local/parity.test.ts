import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Functions, startFunctions } from './functions.ts'

/** The server that `vercel dev` runs for one function. */
const ADAPTER = join(createRequire(import.meta.url).resolve('@vercel/node'), '../dev-server.mjs')
const root = join(import.meta.dirname, 'fixtures/project')

let ours: Functions
const adapters: ChildProcess[] = []
const addresses = new Map<string, string>()

beforeAll(async () => {
  ours = await startFunctions({ root })
  for (const name of ['plain', 'posts'])
    addresses.set(name, await startAdapter(`api/parity/${name}.mjs`))
}, 30_000)
afterAll(async () => {
  await ours.stop()
  for (const adapter of adapters) adapter.kill('SIGKILL')
})

const CASES = [
  { name: 'plain', method: 'GET' },
  { name: 'plain', method: 'GET', query: '?a=1&a=2' },
  { name: 'plain', method: 'POST', body: 'ignored' },
  { name: 'plain', method: 'PUT', body: 'x' },
  { name: 'plain', method: 'HEAD' },
  { name: 'plain', method: 'OPTIONS' },
  { name: 'plain', method: 'DELETE' },
  { name: 'posts', method: 'POST', body: '{"ü":"😀"}' },
  { name: 'posts', method: 'POST', body: 'x'.repeat(100_000) },
  { name: 'posts', method: 'HEAD' },
  { name: 'posts', method: 'GET' },
  { name: 'posts', method: 'PATCH', body: '' },
]

test.each(CASES)(
  '$method of $name answers as with @vercel/node',
  async ({ name, method, query = '', body }) => {
    const path = `/api/parity/${name}${query}`
    const answers = await Promise.all(
      [ours.url, addresses.get(name)].map(async (origin) => {
        const response = await fetch(`${origin}${path}`, { method, body })
        const headers = ['content-type', 'x-seen', 'set-cookie', 'allow'].map((key) =>
          response.headers.get(key),
        )
        return { status: response.status, headers, body: await response.text() }
      }),
    )
    expect(answers[0]).toEqual(answers[1])
  },
)

async function startAdapter(entrypoint: string): Promise<string> {
  const child = fork(ADAPTER, {
    cwd: root,
    env: {
      ...process.env,
      VERCEL_DEV_ENTRYPOINT: entrypoint,
      VERCEL_DEV_CONFIG: '{}',
      VERCEL_DEV_BUILD_ENV: '{}',
    },
    execArgv: [],
  })
  adapters.push(child)
  // The adapter sends the address of its server when it is ready.
  const [{ port }]: [AddressInfo] = (await once(child, 'message')) as [AddressInfo]
  return `http://127.0.0.1:${port}`
}
