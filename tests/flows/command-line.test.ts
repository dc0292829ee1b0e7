import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Relay, startRelay } from '../../lib/edge-node/relay.ts'
import { neonConfig } from '../../lib/vendor/orm.js'
import { areEqual, writeBigFile } from '../local/big-file.ts'
import { jetty } from '../local/command.ts'
import { registerEdges } from '../local/edges.ts'
import { grantPublicKey } from '../local/settings.ts'
import { type Stack, startStack } from '../local/stack.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const PROJECT = new URL('../../node_modules', import.meta.url).pathname

/** A stack of its own, functions in a process of their own; the relays here, so that their bytes can be counted. */
let stack: Stack
let relays: Relay[]
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  stack = await startStack({ functions: true, edges: 0 })
  Object.assign(process.env, stack.env)
  neonConfig.fetchEndpoint = stack.neonUrl
  const {
    LYVE_ENDPOINT: origin = '',
    LYVE_BUCKET_NAME: bucket = '',
    EDGE_GRANT_PRIVATE_KEY = '',
  } = stack.env
  const ids = ['lon-1', 'fra-1', 'nyc-1', 'sfo-1', 'sin-1']
  const common = {
    origin,
    bucket,
    grantPublicKey: grantPublicKey(EDGE_GRANT_PRIVATE_KEY),
    stopMs: 100,
  }
  relays = await Promise.all(ids.map((id) => startRelay({ id, ...common })))
  await registerEdges(
    stack.databaseUrl,
    relays.map(({ url, port }, at) => ({ id: ids[at] ?? '', url, port })),
  )

  const { anAccount } = await import('../local/account.ts')
  const { apiKey } = await anAccount({ tier: 'business' })
  env = { JETTY_URL: stack.url ?? '', JETTY_API_KEY: apiKey }
  folder = await mkdtemp(join(tmpdir(), 'jetty-flow-'))
}, 60_000)

afterAll(async () => {
  await Promise.all(relays.map((relay) => relay.stop()))
  await stack.stop()
  await rm(folder, { recursive: true, force: true })
}, 30_000)

/** Parts of the account's only open upload that the store has. */
async function storedParts(): Promise<number> {
  const headers = { authorization: `Bearer ${env.JETTY_API_KEY}` }
  const read = async (query: string) => {
    const response = await fetch(`${env.JETTY_URL}/api/storage/upload${query}`, { headers })
    return Object(await response.json())
  }
  const [open] = (await read('')).uploads
  if (!open) return 0
  const { storedParts = [] } = await read(`?uploadId=${open.uploadId}`)
  return storedParts.reduce(
    (sum: number, [first, last]: [number, number]) => sum + last - first + 1,
    0,
  )
}

test('1 GiB goes up over five relays in three calls and comes back the same, and no function sees its bytes', {
  timeout: 240_000,
}, async () => {
  const file = join(folder, 'big.bin')
  await writeBigFile(file, GIB)
  const before = await stack.functionStats?.()

  const up = await jetty(env, 'upload', file, '--json').ended
  expect(up).toMatchObject({ code: 0 })
  const [sent] = up.lines
  expect(sent).toMatchObject({
    fileName: 'big.bin',
    fileSize: GIB,
    duplicate: false,
  })
  // On a busy machine a part may lag and be sent twice.
  expect(sent.sentBytes).toBeGreaterThanOrEqual(GIB)
  expect(sent.sentBytes).toBeLessThan(1.12 * GIB)
  expect(sent.functionCalls).toBeLessThanOrEqual(3)
  const overRelays = relays.filter((relay) => relay.stats().bytesUp > 0)
  expect(overRelays).toHaveLength(5)

  const back = join(folder, 'back.bin')
  expect((await jetty(env, 'get', sent.fileId, '-o', back).ended).code).toBe(0)
  expect(await areEqual(file, back)).toBe(true)
  const [hashed] = (await jetty(env, 'hash', back, '--json').ended).lines
  expect(hashed.fileHash).toBe(sent.fileHash)

  const after = await stack.functionStats?.()
  const moved = (after?.network.bytesRead ?? 0) - (before?.network.bytesRead ?? 0)
  expect(moved).toBeLessThan(MIB)
  expect(after?.memory.rss).toBeLessThan(300 * MIB)
  await rm(file)
  await rm(back)
})

test('killed at about half, the same command goes on and sends what the store does not have', {
  timeout: 120_000,
}, async () => {
  const file = join(folder, 'killed.bin')
  const size = 512 * MIB
  const partBytes = 5 * MIB
  await writeBigFile(file, size)

  const first = jetty(env, 'upload', file, '--json')
  const half = Math.floor(size / partBytes / 2)
  while ((await storedParts()) < half && first.child.exitCode === null) await sleep(250)
  first.child.kill('SIGKILL')
  expect((await first.ended).signal).toBe('SIGKILL')
  const missing = size - (await storedParts()) * partBytes
  expect(missing).toBeLessThan(0.7 * size)

  const second = await jetty(env, 'upload', file, '--json').ended
  expect(second).toMatchObject({ code: 0 })
  expect(second.lines[0].sentBytes).toBeLessThanOrEqual(1.12 * missing)

  const third = await jetty(env, 'upload', file, '--to', 'again', '--json').ended
  expect(third.lines[0]).toMatchObject({ duplicate: true, sentBytes: 0, functionCalls: 1 })
})

/** As 210 are to 10,000: two for each hundred, and a few. */
test('2,000 files of 4 KiB cost at most 42 calls', { timeout: 240_000 }, async () => {
  const many = join(folder, 'many')
  for (let at = 0; at < 20; at++) {
    const inner = join(many, String(at))
    await mkdir(inner, { recursive: true })
    const bytes = Buffer.alloc(4096, at)
    for (let n = 0; n < 100; n++) {
      bytes.writeUInt32LE(n, 0)
      await writeFile(join(inner, `${n}.bin`), bytes)
    }
  }
  const before = await stack.functionStats?.()
  const { code, lines } = await jetty(env, 'upload', many, '--json').ended
  expect({ code, files: lines.length }).toEqual({ code: 0, files: 2_000 })
  expect(callsOf(await stack.functionStats?.()) - callsOf(before)).toBeLessThanOrEqual(42)
})

test('a folder of real files keeps its paths; links and empty folders are skipped and named', {
  timeout: 120_000,
}, async () => {
  const odd = join(folder, 'odd')
  await mkdir(join(odd, 'empty'), { recursive: true })
  await mkdir(join(odd, 'ünï 🚀'), { recursive: true })
  await writeFile(join(odd, 'ünï 🚀', "it's.txt"), 'text')
  await writeFile(join(odd, 'nothing'), '')
  await symlink('nothing', join(odd, 'link'))

  const { code, lines, stderr } = await jetty(env, 'upload', odd, join(PROJECT, 'vitest'), '--json')
    .ended
  expect(code).toBe(0)
  expect(stderr).toMatch(/odd\/empty/)
  expect(stderr).toMatch(/odd\/link/)
  const paths = lines.map(({ path }) => path)
  expect(paths).toContain("odd/ünï 🚀/it's.txt")
  expect(paths).toContain('odd/nothing')

  const real = (
    await readdir(join(PROJECT, 'vitest'), { recursive: true, withFileTypes: true })
  ).filter((entry) => entry.isFile())
  expect(lines.filter(({ path }) => path.startsWith('vitest/'))).toHaveLength(real.length)
  const back = join(folder, 'copy')
  const got = await jetty(env, 'get', 'vitest/', '-o', back, '--json').ended
  expect(got).toMatchObject({ code: 0 })
  const hashes = new Map(lines.map((line) => [line.path, line.fileHash]))
  expect(got.lines).toHaveLength(real.length)
  for (const { path, file, fileHash } of got.lines) {
    expect(file).toBe(join(back, path.slice('vitest/'.length)))
    expect(fileHash).toBe(hashes.get(path))
    expect(await areEqual(join(PROJECT, path), file)).toBe(true)
  }
  expect((await jetty(env, 'get', 'odd/', '-o', join(folder, 'odd copy')).ended).code).toBe(0)
  expect(await readFile(join(folder, 'odd copy', 'ünï 🚀', "it's.txt"), 'utf8')).toBe('text')
})

function callsOf(stats: { calls: Record<string, number> } | undefined): number {
  return Object.values(stats?.calls ?? {}).reduce((sum, count) => sum + count, 0)
}
