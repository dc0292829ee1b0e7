import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FIXED, newSecrets, type Secrets } from '../../local/settings.ts'
import type { Programs } from './build.ts'
import type { ControlOptions } from './control-main.ts'
import { type Lab, startLab } from './lab.ts'
import { removeLeftovers } from './leftovers.ts'
import { ADDRESSES, type Link, parseLink } from './link.ts'
import { type Server, startServer } from './namespace.ts'
import { placesOf } from './place.ts'
import { type Relays, relaysIn } from './relays.ts'
import type { Scenario } from './scenarios.ts'
import { AWS_CONFIG, AWS_CONFIG_NAME, type StoreAccess, type WayContext } from './ways.ts'

const STORE_PORT = 9000
const CONTROL_PORT = 3000
const PROXY_PORT = 8081
const TUS_PORT = 1080
const ECHO_PORT = 7
/** Memory, so that no disk is measured. */
export const ROOM = '/dev/shm'
/** Heartbeats that came before the registration was known are repeated after about 5 s. */
const SETTLE_MS = 6_000

/** Everything of one scenario: the network, the store, the control plane, the relays, and what peers need. */
export type World = {
  lab: Lab
  link: Link
  folder: string
  store: Server
  relays: Relays
  probe: Server | null
  /** What a run is told; `key` is left to it. */
  context: Omit<WayContext, 'key' | 'file'>
  /** How many bytes the tus server got since the last time; they are removed. */
  takeTusBytes(): number
  stop(): Promise<void>
}

/** @throws Error of whatever did not start; what had started is stopped again */
export async function startWorld(
  scenario: Scenario,
  { programs, tus }: { programs: Programs; tus: boolean },
): Promise<World> {
  const undo: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    removeLeftovers(ROOM)
    const folder = mkdtempSync(join(ROOM, `jetty-wan-${process.pid}-`))
    undo.push(async () => rmSync(folder, { recursive: true, force: true }))
    // PostgreSQL runs as another user and has to pass.
    chmodSync(folder, 0o711)
    writeFileSync(join(folder, AWS_CONFIG_NAME), AWS_CONFIG)
    const link = parseLink(scenario.link)
    const lab = await startLab(link, { programs, folder, client: scenario.clientPaths })
    undo.push(lab.stop)
    const parts = { lab, link, folder, undo }
    const core = await startCore(parts)
    const extras = await startExtras(parts, { tus, probes: scenario.probes ?? false })
    if (!scenario.hasty) await sleep(SETTLE_MS)
    const takeTusBytes = () => takeFiles(join(folder, 'tus'))
    return { lab, link, folder, ...core, ...extras, takeTusBytes, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Parts = { lab: Lab; link: Link; folder: string; undo: (() => Promise<unknown>)[] }

/** What a deployment of this project consists of. */
async function startCore({ lab, link, folder, undo }: Parts) {
  const secrets = newSecrets()
  const access = storeAccess(secrets)
  const { endpoint: _, ...identity } = access
  const dataDir = join(folder, 's3')
  const at = { namespace: lab.namespaceOf('origin') }
  const options = { ...identity, dataDir, host: ADDRESSES.origin, port: STORE_PORT }
  const store = await startServer('store-main.ts', options, at)
  undo.push(store.stop)

  const places = placesOf(link)
  const controlUrl = `http://${ADDRESSES.control}:${CONTROL_PORT}`
  const about = {
    secrets,
    places: places.relays,
    origin: access.endpoint,
    bucket: access.bucket,
    controlUrl,
  }
  const relays = relaysIn(lab, about)
  const { latitude, longitude } = places.client
  const controlOptions: ControlOptions = {
    host: ADDRESSES.control,
    port: CONTROL_PORT,
    dataDir: folder,
    env: environment(secrets, { endpoint: access.endpoint, position: places.store }),
    location: { latitude: String(latitude), longitude: String(longitude), country: 'XX' },
    relays: relays.registrations,
  }
  const control = await startServer('control-main.ts', controlOptions, {
    namespace: lab.namespaceOf('control'),
  })
  undo.push(control.stop)
  undo.push(relays.stop)
  await relays.restart()
  await control.ask('register')
  const context = {
    folder,
    store: access,
    proxyEndpoint: `http://${ADDRESSES.edges[0]}:${PROXY_PORT}`,
    tusUrl: `http://${ADDRESSES.origin}:${TUS_PORT}/files`,
    control: { url: controlUrl, apiKey: String(control.ready.apiKey) },
  }
  return { store, relays, context }
}

/** What only peers and probes talk to. */
async function startExtras(
  { lab, folder, undo }: Parts,
  { tus, probes }: { tus: boolean; probes: boolean },
): Promise<{ probe: Server | null }> {
  const origin = { namespace: lab.namespaceOf('origin') }
  const proxyOptions = {
    host: ADDRESSES.edges[0],
    port: PROXY_PORT,
    originHost: ADDRESSES.origin,
    originPort: STORE_PORT,
  }
  const proxy = await startServer('proxy-main.ts', proxyOptions, {
    namespace: lab.namespaceOf('edge1'),
  })
  undo.push(proxy.stop)
  if (tus) {
    const directory = join(folder, 'tus')
    mkdirSync(directory)
    const options = { host: ADDRESSES.origin, port: TUS_PORT, directory }
    undo.push((await startServer('peers/tus-server.mjs', options, origin)).stop)
  }
  if (!probes) return { probe: null }
  const target = { host: ADDRESSES.origin, port: ECHO_PORT }
  undo.push((await startServer('echo-main.ts', target, origin)).stop)
  const probe = await startServer('probe-main.ts', target, { namespace: lab.namespaceOf('client') })
  undo.push(probe.stop)
  return { probe }
}

function takeFiles(folder: string): number {
  const files = readdirSync(folder).map((name) => join(folder, name))
  const uploads = files.filter((file) => !file.endsWith('.json'))
  const bytes = uploads.reduce((sum, file) => sum + statSync(file).size, 0)
  for (const file of files) rmSync(file)
  return bytes
}

function storeAccess(secrets: Secrets): StoreAccess {
  return {
    endpoint: `http://${ADDRESSES.origin}:${STORE_PORT}`,
    region: FIXED.LYVE_REGION,
    bucket: FIXED.LYVE_BUCKET_NAME,
    accessKeyId: secrets.LYVE_ACCESS_KEY,
    secretAccessKey: secrets.LYVE_SECRET_KEY,
  }
}

function environment(
  { POSTGRES_PASSWORD: _, ...keys }: Secrets,
  { endpoint, position }: { endpoint: string; position: { lat: number; lng: number } },
): Record<string, string> {
  const place = `${position.lat},${position.lng}`
  return { ...keys, ...FIXED, LYVE_ENDPOINT: endpoint, LYVE_POSITION: place }
}
