import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import pg from 'pg'
import { readBody } from './body.ts'
import { closeServer, listen } from './listen.ts'
import { type Answer, inTransaction, type Query, runOne } from './neon-run.ts'

/** Neon's proxy refuses more than this in either direction (its HTTP_POOL defaults). */
const BYTES_MAX = 10 * 1024 * 1024
const CONNECTIONS = 20
const STATEMENT_TIMEOUT_MS = 30_000

/** What the driver copies from an error (the field names of its NeonDbError). */
const ERROR_FIELDS = [
  'severity',
  'code',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
] as const

export type NeonFront = { url: string; stop(): Promise<void> }

type Reply = { status: number; body: object }

/**
 * Neon's SQL over HTTP (proxy/src/serverless/sql_over_http.rs) before a PostgreSQL server: `POST /sql` with one query,
 * or with several that commit or fail together. Only URLs of that server are accepted.
 */
export async function startNeon(databaseUrl: string, wishedPort?: number): Promise<NeonFront> {
  const pools = new Map<string, pg.Pool>()
  const { host } = new URL(databaseUrl)
  const server = createServer((request, response) => {
    answer(request, (url) => poolOf(url, host, pools)).then(
      (reply) => send(response, reply),
      (error) => send(response, refusal(500, error)),
    )
  })
  server.on('connection', (socket) => socket.setNoDelay(true))
  const port = await listen(server, wishedPort)
  return {
    url: `http://127.0.0.1:${port}/sql`,
    async stop() {
      await closeServer(server)
      await Promise.all([...pools.values()].map((pool) => pool.end()))
    },
  }
}

function poolOf(url: string | undefined, host: string, pools: Map<string, pg.Pool>): pg.Pool {
  if (!url || !URL.canParse(url) || new URL(url).host !== host)
    throw new Error('invalid connection string')
  const known = pools.get(url)
  if (known) return known

  const limits = { max: CONNECTIONS, statement_timeout: STATEMENT_TIMEOUT_MS }
  const pool = new pg.Pool({ connectionString: url, ...limits, allowExitOnIdle: true })
  // An idle connection that breaks is replaced; without a listener it would end the process.
  pool.on('error', () => {})
  pools.set(url, pool)
  return pool
}

async function answer(
  request: IncomingMessage,
  poolFor: (url: string | undefined) => pg.Pool,
): Promise<Reply> {
  const body = await readBody(request, BYTES_MAX)
  if (request.method !== 'POST' || request.url !== '/sql')
    return refusal(404, new Error('Not found'))
  if (!body) return refusal(413, new Error(`request is too large (max is ${BYTES_MAX} bytes)`))
  try {
    const payload = parsePayload(body)
    const result = await run(
      poolFor(header(request.headers, 'connection-string')),
      payload,
      request.headers,
    )
    if (JSON.stringify(result).length <= BYTES_MAX) return { status: 200, body: result }
    return refusal(507, new Error(`response is too large (max is ${BYTES_MAX} bytes)`))
  } catch (error) {
    return refusal(400, error)
  }
}

async function run(
  pool: pg.Pool,
  payload: Query | Query[],
  headers: IncomingHttpHeaders,
): Promise<Answer | object> {
  const form = {
    rawText: header(headers, 'raw-text-output') === 'true',
    arrayMode: header(headers, 'array-mode') === 'true',
  }
  if (!Array.isArray(payload)) return await runOne(pool, payload, form)
  const results = await inTransaction(pool, payload, {
    ...form,
    isolation: header(headers, 'batch-isolation-level'),
    readOnly: header(headers, 'batch-read-only') === 'true',
    deferrable: header(headers, 'batch-deferrable') === 'true',
  })
  return { results }
}

function parsePayload(body: Buffer): Query | Query[] {
  const payload: { query?: unknown; queries?: unknown } = JSON.parse(body.toString())
  if (Array.isArray(payload.queries)) return payload.queries.map(parseQuery)
  return parseQuery(payload)
}

function parseQuery(value: { query?: unknown; params?: unknown; arrayMode?: unknown }): Query {
  if (typeof value.query !== 'string')
    throw new Error('could not parse the HTTP request body: missing field `query`')
  const params = Array.isArray(value.params) ? value.params : []
  return {
    query: value.query,
    params,
    arrayMode: typeof value.arrayMode === 'boolean' ? value.arrayMode : undefined,
  }
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[`neon-${name}`]
  return Array.isArray(value) ? value[0] : value
}

function refusal(status: number, error: unknown): Reply {
  const fields: Record<string, unknown> = error instanceof Error ? { ...error } : {}
  const known = ERROR_FIELDS.map((field) => [field, fields[field] ?? null])
  const message = error instanceof Error ? error.message : String(error)
  return { status, body: { message, ...Object.fromEntries(known) } }
}

function send(response: ServerResponse, { status, body }: Reply): void {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, headers).end(text)
}
