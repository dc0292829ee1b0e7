import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { startChild } from './child.ts'
import { freePort } from './listen.ts'
import { grantPublicKey } from './settings.ts'

/** Catalogue ids of the locations that local relays stand for. */
const LOCATIONS = ['lon-1', 'fra-1', 'nyc-1', 'sfo-1', 'sin-1']

/** What still runs when the stack stops is cut. */
const STOP_MS = 100
const CONNECTIONS_MAX = 2_000

/** `seed`: of its own key, base64; a relay that has none is registered without a key. */
export type Edge = { id: string; url: string; port: number; seed?: string }

export type EdgesOptions = {
  count: number
  /** Wished port of the first; the others follow. */
  port?: number
  origin: string
  bucket: string
  grantPublicKey: string
}

export type Edges = {
  edges: Edge[]
  /** From now on the relays send heartbeats to this deployment. */
  speakTo(controlUrl: string): void
  stop(): Promise<void>
}

/** What one process of relays is told (edges-main.ts). */
export type RelayOptions = {
  relays: { id: string; port: number }[]
  origin: string
  /** `host:port` to reach the origin at, if not its own. */
  connectTo?: string
  bucket: string
  grantPublicKey: string
}

/** Starts relays for the one store: in this process, or all together in one of their own. */
export async function startEdges(options: EdgesOptions, separate: boolean): Promise<Edges> {
  const { count, port, ...common } = options
  const ids = LOCATIONS.slice(0, count)
  const relays = await Promise.all(
    ids.map(async (id, at) => ({ id, port: await freePort(port && port + at) })),
  )
  if (separate) {
    const child = await startChild('edges-main.ts', { relays, ...common })
    return {
      // edges-main.ts sends what startRelays gave it.
      edges: child.ready.edges as Edge[],
      speakTo: (controlUrl) => void child.process.send(controlUrl),
      stop: child.stop,
    }
  }
  return await startRelays({ relays, ...common })
}

/** Starts relays in this process, each with a key of its own. */
export async function startRelays({ relays, ...common }: RelayOptions): Promise<Edges> {
  const [{ startRelay }, { startHeartbeats }, { readingLoad }, { VERSION: version }] =
    await Promise.all([
      import('../../lib/edge-node/relay.ts'),
      import('../../lib/edge-node/heartbeat.ts'),
      import('../../lib/edge-node/load.ts'),
      import('../../lib/version.ts'),
    ])
  const running = await Promise.all(
    relays.map(async ({ id, port }) => {
      const relay = await startRelay({ id, port, ...common, version, stopMs: STOP_MS })
      return { ...relay, id, seed: randomBytes(32).toString('base64') }
    }),
  )
  let speaking: { stop(): Promise<void> }[] = []
  return {
    edges: running.map(({ id, url, port, seed }) => ({ id, url, port, seed })),
    speakTo(controlUrl) {
      speaking = running.map(({ id, seed, stats }) =>
        startHeartbeats(
          { controlUrl, id, seed, version },
          readingLoad(stats, { connectionsMax: CONNECTIONS_MAX }),
        ),
      )
    },
    stop: async () => {
      await Promise.all([...running, ...speaking].map((one) => one.stop()))
    },
  }
}

/** Tells the catalogue which locations have a relay, and that the others have none. */
export async function registerEdges(databaseUrl: string, edges: Edge[]): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(`
    UPDATE edge_locations SET url = NULL, public_key = NULL, is_active = false, is_up = false, is_draining = false
    WHERE url IS NOT NULL`)
  for (const { id, url, seed } of edges) {
    await client.query(
      `UPDATE edge_locations SET url = $2, public_key = $3, is_active = true, is_up = true, seen_at = now(), checked_at = now()
       WHERE id = $1`,
      [id, url, seed ? grantPublicKey(seed) : null],
    )
  }
  await client.end()
}
