import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { grantPublicKey, type Secrets } from '../../local/settings.ts'
import type { Registration } from './control-main.ts'
import type { Lab } from './lab.ts'
import { ADDRESSES } from './link.ts'
import { end, serverWords, spawnIn } from './namespace.ts'
import type { Place } from './place.ts'

const PORT = 8080
const PROGRAM = '../../../lib/edge-node/main.ts'

export type Relays = {
  registrations: Registration[]
  /** Starts one that does not run, at its address. */
  start(at: number): Promise<void>
  kill(at: number): Promise<void>
  /** Ends all and starts them anew: their connections begin from nothing. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** The five relays, each the program of `npm run edge` in a namespace of its own, none of them running yet. */
export function relaysIn(
  lab: Lab,
  about: { secrets: Secrets; places: Place[]; origin: string; bucket: string; controlUrl: string },
): Relays {
  const publicKey = grantPublicKey(about.secrets.EDGE_GRANT_PRIVATE_KEY)
  const seeds = ADDRESSES.edges.map(() => randomBytes(32).toString('base64'))
  const running = new Map<number, ReturnType<typeof spawnIn>>()

  async function start(at: number): Promise<void> {
    if (running.has(at)) return
    const words = [
      ...serverWords(PROGRAM),
      ...['--id', idOf(at), '--origin', about.origin, '--bucket', about.bucket],
      ...['--grant-public-key', publicKey, '--control-url', about.controlUrl],
      ...['--host', ADDRESSES.edges[at] ?? '', '--port', String(PORT)],
    ]
    const namespace = lab.namespaceOf(`edge${at + 1}`)
    const env = { EDGE_PRIVATE_KEY: seeds[at] }
    const child = spawnIn({ namespace, words, env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    running.set(at, child)
    const ended = once(child, 'exit').then(() => {
      throw new Error(`The relay ${idOf(at)} ended.`)
    })
    ended.catch(() => {})
    // Its first word is where it listens. What it says later is read and dropped.
    await Promise.race([once(child.stdout ?? child, 'data'), ended])
    child.stdout?.resume()
  }

  async function kill(at: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = running.get(at)
    running.delete(at)
    if (child) await end(child, signal)
  }

  const all = (act: (at: number) => Promise<void>) =>
    Promise.all(ADDRESSES.edges.map((_, at) => act(at)))
  return {
    registrations: ADDRESSES.edges.map((ip, at) => ({
      id: idOf(at),
      url: `http://${ip}:${PORT}`,
      publicKey: grantPublicKey(seeds[at] ?? ''),
      city: `City ${at + 1}`,
      country: 'XX',
      lat: about.places[at]?.lat ?? 0,
      lng: about.places[at]?.lng ?? 0,
    })),
    start,
    kill: (at) => kill(at),
    restart: async () => {
      await all((at) => kill(at))
      await all(start)
    },
    stop: async () => {
      await all((at) => kill(at, 'SIGKILL'))
    },
  }
}

function idOf(at: number): string {
  return `wan-${at + 1}`
}
