import pg from 'pg'
import { startChild } from './child.ts'
import { freePort } from './listen.ts'

/** Catalogue ids of the locations that local relays stand for. */
const LOCATIONS = ['lon-1', 'fra-1', 'nyc-1', 'sfo-1', 'sin-1']

/** What still runs when the stack stops is cut. */
const STOP_MS = 100

export type Edge = { id: string; url: string; port: number }

export type EdgesOptions = {
  count: number
  /** Wished port of the first; the others follow. */
  port?: number
  origin: string
  bucket: string
  grantPublicKey: string
}

export type Edges = { edges: Edge[]; stop(): Promise<void> }

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
    const { ready, stop } = await startChild('edges-main.ts', { relays, ...common })
    // edges-main.ts sends what startRelays gave it.
    return { edges: ready.edges as Edge[], stop }
  }
  return await startRelays({ relays, ...common })
}

/** Starts relays in this process. */
export async function startRelays({ relays, ...common }: RelayOptions): Promise<Edges> {
  const { startRelay } = await import('../../lib/edge-node/relay.ts')
  const running = await Promise.all(
    relays.map((relay) => startRelay({ ...relay, ...common, stopMs: STOP_MS })),
  )
  return {
    edges: running.map(({ url, port }, at) => ({ id: relays[at]?.id ?? '', url, port })),
    stop: async () => {
      await Promise.all(running.map((relay) => relay.stop()))
    },
  }
}

/** Tells the catalogue which locations have a relay, and that the others have none. */
export async function registerEdges(databaseUrl: string, edges: Edge[]): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(
    'UPDATE edge_locations SET url = NULL, is_active = false, is_up = false WHERE url IS NOT NULL',
  )
  for (const { id, url } of edges) {
    await client.query(
      'UPDATE edge_locations SET url = $2, is_active = true, is_up = true, seen_at = now() WHERE id = $1',
      [id, url],
    )
  }
  await client.end()
}
