import { type Api, createApi } from '../client/api.ts'
import { problemOf } from '../client/failure.ts'
import type { RegisteredEdge } from '../client/wire-edges.ts'
import type { Context, Flags } from './command.ts'
import { each } from './each.ts'
import { EXIT, usageError } from './exit.ts'
import { say, sayJson, showText } from './output.ts'
import { readAdminToken, readServiceUrl } from './settings.ts'

const EDGES = '/api/edges'
/** In degrees, either way. */
const LATITUDE_MAX = 90
const LONGITUDE_MAX = 180

/** jetty edges register, drain, resume, retire: what the administrator does to relays. One call for each. */
export async function adminCommand(context: Context, verb: string, ids: string[]): Promise<number> {
  const { flags, signal } = context
  const act = verb === 'register' ? registration(flags, ids) : change(verb, ids)
  const api = createApi({ url: readServiceUrl(flags.url), apiKey: readAdminToken(), signal })
  const show = flags.json ? sayJson : showEdge
  try {
    if (verb !== 'register') return await each(ids, signal, async (id) => show(await act(api, id)))
    show(await act(api, ''))
    return EXIT.ok
  } catch (error) {
    throw problemOf(error)?.status === 401 ? refusedToken(error) : error
  }
}

type Act = (api: Api, id: string) => Promise<RegisteredEdge>

function registration(flags: Flags, args: string[]): Act {
  const { id, 'edge-url': url, 'public-key': publicKey, city, country } = flags
  const { 'alternate-url': alternateUrls } = flags
  if (!id || !url || !publicKey || args.length > 0) {
    throw usageError('edges register: give --id, --edge-url and --public-key, and no arguments.')
  }
  const lat = degreesOf('lat', flags.lat, LATITUDE_MAX)
  const lng = degreesOf('lng', flags.lng, LONGITUDE_MAX)
  const body = { id, url, alternateUrls, publicKey, city, country, lat, lng }
  return (api) => api.call('POST', EDGES, body)
}

function change(verb: string, ids: string[]): Act {
  if (ids.length === 0) throw usageError(`edges ${verb}: name at least one edge.`)
  if (verb === 'retire') {
    return (api, id) => api.call('DELETE', `${EDGES}?${new URLSearchParams({ id })}`)
  }
  const draining = verb === 'drain'
  return (api, id) => api.call('PATCH', EDGES, { id, draining })
}

function degreesOf(name: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined
  const degrees = Number(text)
  if (text.trim() !== '' && Math.abs(degrees) <= most) return degrees
  throw usageError(`--${name} takes degrees from -${most} to ${most}, not '${text}'.`)
}

function showEdge({ id, state, city, url, alternateUrls = [] }: RegisteredEdge): void {
  say([id, state, city, url ?? '-', ...alternateUrls].map(showText).join('  '))
}

function refusedToken(cause: unknown): Error {
  const message = 'the service does not accept JETTY_ADMIN_TOKEN'
  return Object.assign(new Error(message, { cause }), { exitCode: EXIT.auth })
}
