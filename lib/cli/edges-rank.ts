import { type Api, createApi } from '../client/api.ts'
import { DIRECT } from '../client/routes.ts'
import type { OptimalEdgesAnswer, OptimalEdgesAsk, Priority } from '../client/wire-edges.ts'
import type { Context, Flags } from './command.ts'
import { readCatalogue } from './edges-catalogue.ts'
import { mapLines } from './edges-map.ts'
import { rankingLines } from './edges-ranking.ts'
import { measureRoundTrips } from './edges-round-trip.ts'
import { thisTerminal } from './edges-terminal.ts'
import { EXIT, usageError } from './exit.ts'
import { note, say, sayJson, showText } from './output.ts'
import { sizeOf } from './size.ts'

const SIZE_DEFAULT = 1024 ** 3
const PRIORITIES: Priority[] = ['speed', 'cost', 'balanced']
const OPTIMAL_EDGES = '/api/jetty/optimal-edges'

/** jetty edges: measures the paths that the service names and asks again with what it measured; two calls. */
export async function rankCommand({ flags, settings, signal }: Context): Promise<number> {
  const ask = askOf(flags)
  const { url, apiKey } = settings()
  const api = createApi({ url, apiKey, signal })
  const catalogue = flags.map ? await readCatalogue(url, signal) : undefined
  const first = await api.call<OptimalEdgesAnswer>('POST', OPTIMAL_EDGES, ask)
  const measured = await measureRoundTrips(first.edges, signal)
  const measurements = Object.fromEntries(measured)
  const answer = await api.call<OptimalEdgesAnswer>('POST', OPTIMAL_EDGES, { ...ask, measurements })

  if (flags.json) {
    sayJson({ ...answer, measuredHere: measurements })
    return EXIT.ok
  }
  const terminal = thisTerminal()
  if (catalogue) for (const line of [...mapLines(catalogue.edges, terminal), '']) say(line)
  // The answer leaves them out; whoever looks wants to know.
  const unreached = first.edges.filter(
    ({ id }) => measured.get(id) === null && answer.edges.every((edge) => edge.id !== id),
  )
  const ranking = { answer, measured, unreached, fileSize: ask.fileSize }
  for (const line of rankingLines(ranking, terminal)) say(line)
  if (answer.edges.every(({ id }) => id === DIRECT)) note(await whyOnlyDirect(api))
  return EXIT.ok
}

function askOf({ size, priority }: Flags): OptimalEdgesAsk {
  const known = PRIORITIES.find((one) => one === (priority ?? 'balanced'))
  if (!known) throw usageError(`--priority is speed, cost or balanced, not '${priority}'.`)
  return { fileSize: size === undefined ? SIZE_DEFAULT : sizeOf(size), priority: known }
}

async function whyOnlyDirect(api: Api): Promise<string> {
  const { tier, features } = await api.call<{ tier: string; features: { edges: boolean } }>(
    'GET',
    '/api/agentcache/quota',
  )
  return features.edges
    ? 'No relay is up: everything goes straight to the store.'
    : `The tier ${showText(tier)} has no edges: everything goes straight to the store.`
}
