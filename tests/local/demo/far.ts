import { startChild } from '../child.ts'
import type { LegCounts } from '../distance.ts'
import type { Edge, RelayOptions } from '../edges.ts'
import { type FunctionsChild, startFunctionsChild } from '../functions-child.ts'
import { freePort } from '../listen.ts'
import { grantPublicKey } from '../settings.ts'
import type { Stack } from '../stack.ts'
import { type DistanceChild, startDistance } from './distance-child.ts'
import * as profile from './profile.ts'

/** The same store and database seen from afar: functions and relays of their own, every way to them of some length. */
export type Far = {
  url: string
  /** The store's address for whoever goes there directly; the functions sign for it. */
  origin: string
  edges: Edge[]
  functions: FunctionsChild
  /** What went between the client and relays or store. */
  counts(): Promise<LegCounts>
  stop(): Promise<void>
}

/** Puts distance around a stack. */
export async function startFar(stack: Stack): Promise<Far> {
  const undo: { stop(): Promise<unknown> }[] = []
  const stop = async () => {
    for (const running of undo.splice(0).reverse()) await running.stop()
  }
  try {
    const distance = await startDistance(profile.ACCESS_BITS_PER_SECOND)
    undo.push(distance)
    return { ...(await startAll(stack, distance, (running) => undo.push(running))), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startAll(
  stack: Stack,
  distance: DistanceChild,
  stopping: (running: { stop(): Promise<unknown> }) => void,
): Promise<Omit<Far, 'stop'>> {
  const store = new URL(stack.s3Endpoint).host
  const direct = await distance.add({ ...profile.TO_STORE, target: store })
  const connectTo = await distance.add({ ...profile.RELAY_TO_STORE, target: store })
  const origin = `http://${direct}`

  const functions = startFunctionsChild(
    { ...stack.env, LYVE_ENDPOINT: origin },
    { location: profile.CLIENT_LOCATION },
  )
  const relays = startChild('edges-main.ts', await relayOptions(stack, origin, connectTo))
  const started = await Promise.allSettled([functions, relays])
  for (const one of started) if (one.status === 'fulfilled') stopping(one.value)

  const near = await Promise.all(
    ((await relays).ready.edges as Edge[]).map(async (edge, at) => {
      const way = profile.toRelay(profile.RELAYS[at] ?? { rttMs: 0 })
      const address = await distance.add({ ...way, target: new URL(edge.url).host })
      return { ...edge, url: `http://${address}` }
    }),
  )
  const target = new URL((await functions).url).host
  const legs = [direct, ...near.map(({ url }) => new URL(url).host)]
  return {
    url: `http://${await distance.add({ ...profile.TO_FUNCTIONS, target })}`,
    origin,
    edges: near,
    functions: await functions,
    counts: () => distance.counts(legs),
  }
}

async function relayOptions(
  { env }: Stack,
  origin: string,
  connectTo: string,
): Promise<RelayOptions> {
  const relays = await Promise.all(
    profile.RELAYS.map(async ({ id }) => ({ id, port: await freePort() })),
  )
  const bucket = env.LYVE_BUCKET_NAME ?? ''
  const publicKey = grantPublicKey(env.EDGE_GRANT_PRIVATE_KEY ?? '')
  return { relays, origin, connectTo, bucket, grantPublicKey: publicKey }
}
