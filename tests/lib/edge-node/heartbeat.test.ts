import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { publicHalf } from '../../../lib/ed25519.ts'
import { startHeartbeats } from '../../../lib/edge-node/heartbeat.ts'
import { readKey } from '../../../lib/edge-node/key.ts'
import { readingLoad } from '../../../lib/edge-node/load.ts'
import { readSettings, usage } from '../../../lib/edge-node/settings.ts'
import { grantPublicKey } from '../../../lib/edges/grant.ts'
import { verifyWebhook } from '../../../lib/webhooks/standard.ts'
import { ask, bodyOf, makeOrigin, makeRecorder, makeRelay, SEED, until } from './harness.ts'

const KEY = randomBytes(32).toString('base64')
const LOAD = { loadPercent: 7, activeUploads: 2, throughputMbps: 93.4 }

type Heard = {
  id: string
  loadPercent: number
  activeUploads: number
  version: string
  timestamp: number
}

/** A deployment that hears heartbeats; what it heard was signed by `KEY`. */
async function makeControl(answer: (outgoing: ServerResponse) => void = every(60)) {
  const heard: Heard[] = []
  const control = { heard, answer, url: '' }
  const { url } = await makeOrigin(async (incoming, outgoing) => {
    const body = await bodyOf(incoming)
    const headers = new Headers()
    for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value))
    const signed = verifyWebhook(headers, body, [`whpk_${publicHalf(KEY)}`])
    expect([incoming.method, incoming.url]).toEqual(['POST', '/api/edges/heartbeat'])
    if (signed) heard.push({ ...JSON.parse(String(body)), timestamp: signed.timestamp })
    control.answer(outgoing)
  })
  return Object.assign(control, { url })
}

function every(heartbeatAfterSeconds: unknown) {
  return (outgoing: ServerResponse) => void outgoing.end(JSON.stringify({ heartbeatAfterSeconds }))
}

/** Heartbeats of lon-1, stopped with the test. */
function speak(controlUrl: string) {
  const settings = { controlUrl, id: 'lon-1', seed: KEY, version: '1.2.3' }
  const heartbeats = startHeartbeats(settings, () => LOAD)
  onTestFinished(heartbeats.stop)
  return heartbeats
}

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-key-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('a relay speaks at once, then as often as it is asked to, each time of a later second', async () => {
  const control = await makeControl(every(1))
  speak(control.url)
  await until(() => control.heard.length >= 3)
  expect(control.heard[0]).toEqual({
    id: 'lon-1',
    ...LOAD,
    version: '1.2.3',
    timestamp: expect.any(Number),
  })
  const times = control.heard.map(({ timestamp }) => timestamp)
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
})

test('what cannot be understood of an answer is a minute', async () => {
  for (const said of ['soon', -1e9, null, undefined]) {
    const control = await makeControl(every(said))
    const heartbeats = speak(control.url)
    await until(() => control.heard.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(control.heard).toHaveLength(1)
    await heartbeats.stop()
  }
})

test('a relay that stops says that it is full, and nothing after', async () => {
  const control = await makeControl(every(1))
  const heartbeats = speak(control.url)
  await until(() => control.heard.length === 1)
  await heartbeats.stop()
  expect(control.heard.at(-1)).toMatchObject({ loadPercent: 100 })
  const [first, last] = [control.heard.at(0), control.heard.at(-1)].map(
    (one) => one?.timestamp ?? 0,
  )
  expect(last).toBeGreaterThan(first ?? 0)
  const { length } = control.heard
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  expect(control.heard).toHaveLength(length)
})

test('stopping waits 2 s for a deployment that says nothing, and not at all for one that is gone', async () => {
  const silent = await makeControl(() => undefined)
  const begun = Date.now()
  await speak(silent.url).stop()
  expect(Date.now() - begun).toBeGreaterThan(1_900)
  expect(Date.now() - begun).toBeLessThan(8_000)
  const again = Date.now()
  await speak('http://127.0.0.1:9').stop()
  expect(Date.now() - again).toBeLessThan(1_900)
})

test('heartbeats that nobody accepts stop no transfer', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const control = await makeControl((outgoing) => void outgoing.writeHead(401).end())
  speak(control.url)
  await until(() => control.heard.length === 1)
  expect((await ask(relay.url, { body: Buffer.from('abc') })).status).toBe(200)
  expect(received).toHaveLength(1)
})

test('while nobody accepts them the log says so once, and the relay tries again ever more seldom', async () => {
  const lines: string[] = []
  const printed = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line))
  onTestFinished(() => printed.mockRestore())
  const control = await makeControl((outgoing) => void outgoing.writeHead(500).end())
  const heartbeats = speak(control.url)
  await until(() => control.heard.length === 1)
  const first = Date.now()
  await until(() => control.heard.length === 2, 7_000)
  expect(Date.now() - first).toBeGreaterThan(4_000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await heartbeats.stop()
  expect(lines.filter((line) => line.includes('heartbeats'))).toEqual([
    JSON.stringify({
      level: 'warn',
      message: 'heartbeats are not accepted',
      fault: 'answered 500',
    }),
  ])
})

test('where the deployment sends it elsewhere, the relay does not follow', async () => {
  const elsewhere = await makeControl()
  const control = await makeControl((outgoing) => {
    outgoing.writeHead(307, { location: `${elsewhere.url}/api/edges/heartbeat` }).end()
  })
  const heartbeats = speak(control.url)
  await until(() => control.heard.length === 1)
  await heartbeats.stop()
  expect(elsewhere.heard).toEqual([])
})

test('load is the tightest of what limits a relay', async () => {
  const stats = { activeRequests: 0, requests: 0, refused: 0, bytesUp: 0, bytesDown: 0, grants: 0 }
  const begun = performance.now()
  const read = readingLoad(() => stats, { connectionsMax: 200, lineMbps: 100 })
  expect(read()).toEqual({ loadPercent: 0, activeUploads: 0, throughputMbps: 0 })
  stats.activeRequests = 150
  expect(read()).toMatchObject({ loadPercent: 75, activeUploads: 150 })

  await new Promise((resolve) => setTimeout(resolve, 1_050))
  stats.activeRequests = 10
  stats.bytesUp = 10_000_000
  const busyLine = read()
  const readAt = performance.now()
  // 80 Mbit over all this time, or over what is left of it since the last reading.
  expect(busyLine.throughputMbps).toBeGreaterThanOrEqual(Math.floor(80_000 / (readAt - begun)))
  expect(busyLine.throughputMbps).toBeLessThan(80)
  expect(busyLine.loadPercent).toBeCloseTo(busyLine.throughputMbps, 0)

  await new Promise((resolve) => setTimeout(resolve, 500))
  const until = performance.now() + Math.max(600, performance.now() - readAt)
  while (performance.now() < until);
  expect(read().loadPercent).toBeGreaterThan(40)
})

test('a key file is made once, for its owner alone, and read from then on', async () => {
  const keyFile = join(await aFolder(), 'key')
  const made = await readKey({ keyFile })
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
  expect(await readFile(keyFile, 'utf8')).toBe(`whsk_${made?.seed}\n`)
  expect(made?.publicKey).toBe(publicHalf(made?.seed ?? ''))
  expect(await readKey({ keyFile })).toEqual(made)
})

test('a key from the environment comes before the file, and none is none', async () => {
  expect(await readKey({ privateKey: KEY, keyFile: '/nowhere/key' })).toEqual({
    seed: KEY,
    publicKey: publicHalf(KEY),
  })
  expect(await readKey({ privateKey: `whsk_${KEY}` })).toMatchObject({ seed: KEY })
  expect(await readKey({})).toBeNull()
})

test('what is no key is said, with where it stands and not what it is', async () => {
  const keyFile = join(await aFolder(), 'key')
  await writeFile(keyFile, 'secret but no key')
  await expect(readKey({ keyFile })).rejects.toThrow(`${keyFile} is not a key`)
  await expect(readKey({ privateKey: 'c2hvcnQ=' })).rejects.toThrow(
    /^EDGE_PRIVATE_KEY is not a key/,
  )
  await expect(readKey({ keyFile })).rejects.not.toThrow(/secret/)
})

test('settings of heartbeats have flags, but the key itself has none', () => {
  const variables = {
    EDGE_ID: 'lon-1',
    EDGE_ORIGIN: 'https://s3.example',
    EDGE_BUCKET: 'bucket',
    EDGE_GRANT_PUBLIC_KEY: grantPublicKey(SEED),
    EDGE_PRIVATE_KEY: KEY,
  }
  const flags = ['--control-url', 'https://a.example', '--key-file=k', '--line-mbps', '1000']
  const expected = {
    controlUrl: 'https://a.example',
    keyFile: 'k',
    lineMbps: 1000,
    privateKey: KEY,
  }
  expect(readSettings(flags, variables)).toMatchObject(expected)
  expect(() => readSettings(['--private-key', KEY], variables)).toThrow('--private-key')
  for (const bad of ['--control-url=a.example', '--line-mbps=0', '--line-mbps=1e3'])
    expect(() => readSettings([bad], variables)).toThrow(/expected/)
  expect(usage()).toContain('EDGE_PRIVATE_KEY')
})

test('the program makes its key, says the public half, and speaks until it ends', async () => {
  const { url } = await makeRecorder()
  const control = await makeOrigin((_, outgoing) => void outgoing.end('{}'))
  const bodies: string[] = []
  control.server.on('request', async (incoming) => bodies.push(String(await bodyOf(incoming))))
  const keyFile = join(await aFolder(), 'key')
  const child = spawn(process.execPath, ['--import', 'tsx', 'lib/edge-node/main.ts', '--port=0'], {
    env: {
      ...process.env,
      EDGE_ID: 'lon-1',
      EDGE_ORIGIN: url,
      EDGE_BUCKET: 'bucket',
      EDGE_GRANT_PUBLIC_KEY: grantPublicKey(SEED),
      EDGE_KEY_FILE: keyFile,
      EDGE_CONTROL_URL: control.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  await until(() => bodies.length === 1)
  const { seed } = (await readKey({ keyFile })) ?? { seed: '' }
  expect(said).toContain(publicHalf(seed))
  expect(said).not.toContain(seed)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(JSON.parse(bodies.at(-1) ?? '{}')).toMatchObject({ id: 'lon-1', loadPercent: 100 })
})
