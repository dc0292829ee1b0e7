import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readBody } from './body.ts'
import * as exchange from './function-request.ts'
import { type FunctionRoute, functionRoutes, matchFunction } from './function-routes.ts'
import { closeServer, listen } from './listen.ts'
import { sendStatic, staticFile } from './static-files.ts'
import { readVercelConfig, type VercelConfig } from './vercel-config.ts'
import { backgroundWork } from './wait-until.ts'

const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH'])

export type FunctionsOptions = {
  port?: number
  /** The address to listen on; loopback unless given. */
  host?: string
  /** The project: the folder of api/, public/ and vercel.json. This one unless given. */
  root?: string
  /** Where callers are; from DEV_LAT, DEV_LON, DEV_COUNTRY and DEV_CITY unless given. */
  location?: exchange.Location
}

export type Functions = {
  url: string
  port: number
  /** How often each path was called, by "METHOD /path". */
  calls: Map<string, number>
  stop(): Promise<void>
}

type Project = {
  root: string
  routes: FunctionRoute[]
  config: VercelConfig
  location: exchange.Location
  calls: Map<string, number>
}

/**
 * Serves a project as Vercel does: functions of api/** by their method exports, files of public/, and the headers,
 * redirects, rewrites, limits and platform headers of a deployment.
 */
export async function startFunctions(options: FunctionsOptions = {}): Promise<Functions> {
  const root = options.root ?? join(import.meta.dirname, '../..')
  const config = readVercelConfig(root)
  const location = options.location ?? locationFromEnvironment()
  const project = { root, routes: functionRoutes(root), config, location, calls: new Map() }
  const background = backgroundWork()
  const server = createServer((incoming, outgoing) => {
    serve(project, incoming, outgoing).catch((error) => {
      // The client went away in the middle of its request: nobody is left to answer.
      if (incoming.errored) return
      console.error(error)
      exchange.platformAnswer(outgoing, 500, 'FUNCTION_INVOCATION_FAILED')
    })
  })
  server.on('connection', (socket) => socket.setNoDelay(true))
  const { host = '127.0.0.1' } = options
  const port = await listen(server, options.port, { apart: 1, host })
  return {
    url: `http://${host}:${port}`,
    port,
    calls: project.calls,
    async stop() {
      await closeServer(server)
      await background.settled()
    },
  }
}

function locationFromEnvironment(): exchange.Location {
  const { DEV_LAT, DEV_LON, DEV_COUNTRY, DEV_CITY } = process.env
  return { latitude: DEV_LAT, longitude: DEV_LON, country: DEV_COUNTRY, city: DEV_CITY }
}

async function serve(
  project: Project,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(incoming.url ?? '/', 'http://localhost')
  const headers = project.config.headersFor(pathname)
  const target = resolve(project, pathname)
  if (target && 'params' in target)
    return await invoke(project, { ...target, headers }, { incoming, outgoing })

  for (const [name, value] of headers) outgoing.setHeader(name, value)
  if (!target) exchange.platformAnswer(outgoing, 404, 'NOT_FOUND')
  else if ('page' in target) sendStatic(outgoing, incoming.method ?? 'GET', target.page)
  else outgoing.writeHead(target.status, { location: target.location }).end()
}

type Target =
  | { status: number; location: string }
  | { page: string }
  | { file: string; params: Record<string, string> }
  | null

/** The platform's order: redirects, files, functions, rewrites to either, functions with a `[name]`. */
function resolve({ root, routes, config }: Project, pathname: string): Target {
  const redirect = config.redirect(pathname)
  if (redirect) return redirect
  const bare = pathname.replace(/\.(?:m?js|tsx?)$/, '')
  if (bare !== pathname && matchFunction(routes, bare, false))
    return { status: 308, location: bare }

  const found = findFile(root, routes, pathname)
  if (found) return found
  const rewritten = new URL(config.rewrite(pathname) ?? pathname, 'http://localhost')
  const target =
    findFile(root, routes, rewritten.pathname) ?? matchFunction(routes, rewritten.pathname, true)
  if (!target || 'page' in target) return target
  return { ...target, params: { ...Object.fromEntries(rewritten.searchParams), ...target.params } }
}

function findFile(root: string, routes: FunctionRoute[], pathname: string) {
  const page = staticFile(join(root, 'public'), pathname)
  return page ? { page } : matchFunction(routes, pathname, false)
}

type Invocation = { file: string; params: Record<string, string>; headers: [string, string][] }
type Exchange = { incoming: IncomingMessage; outgoing: ServerResponse }

async function invoke(
  project: Project,
  invocation: Invocation,
  { incoming, outgoing }: Exchange,
): Promise<void> {
  const { file, params, headers } = invocation
  const body = await readBody(incoming, exchange.PAYLOAD_BYTES_MAX)
  if (!body) return exchange.platformAnswer(outgoing, 413, 'FUNCTION_PAYLOAD_TOO_LARGE')

  const request = exchange.webRequest(incoming, body, { params, location: project.location })
  count(project.calls, `${request.method} ${new URL(request.url).pathname}`)
  const handler = await loadHandler(join(project.root, file), request.method)
  const limit = project.config.maxDurationSeconds(file)
  const response = handler
    ? await within(limit, handler(request))
    : new Response(null, { status: 405 })
  if (response === 'late')
    return exchange.platformAnswer(outgoing, 504, 'FUNCTION_INVOCATION_TIMEOUT')
  await exchange.sendResponse(outgoing, response, headers)
}

type Handler = (request: Request) => Response | Promise<Response>

/** A method without an export is a 405, HEAD and OPTIONS included. */
async function loadHandler(file: string, method: string): Promise<Handler | null> {
  const module: Record<string, unknown> = await import(pathToFileURL(file).href)
  if ('default' in module)
    throw new Error(`${file} has a default export, which hides its methods on Vercel.`)
  const handler = METHODS.has(method) ? module[method] : null
  // What a module exports under a method's name is a handler: Vercel's contract.
  return typeof handler === 'function' ? (handler as Handler) : null
}

async function within(
  seconds: number,
  work: Response | Promise<Response>,
): Promise<Response | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((done) => {
    timer = setTimeout(() => done('late'), seconds * 1_000)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function count(calls: Map<string, number>, name: string): void {
  calls.set(name, (calls.get(name) ?? 0) + 1)
}
