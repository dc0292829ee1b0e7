import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { readBody } from './body.ts'
import { closeServer, listen } from './listen.ts'
import { connectResp, type Reply, type RespConnection } from './resp.ts'

const BYTES_MAX = 10 * 1024 * 1024

/** Commands that change a connection or wait on it; one request of Upstash is not a connection. */
const UNAVAILABLE = new Set(
  'MULTI EXEC DISCARD WATCH UNWATCH SUBSCRIBE PSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE MONITOR SELECT AUTH HELLO QUIT RESET CLIENT SHUTDOWN BLPOP BRPOP BLMOVE BRPOPLPUSH BZPOPMIN BZPOPMAX WAIT'.split(
    ' ',
  ),
)

export type UpstashFront = { url: string; stop(): Promise<void> }

type Answer = { status: number; body: unknown }
type Result = { result: unknown } | { error: string }

/**
 * Upstash's REST protocol before a Redis server: `POST /` one command, `POST /pipeline` several in order,
 * `POST /multi-exec` several at once. A wrong token is 401 everywhere.
 */
export async function startUpstash(
  redisPort: number,
  token: string,
  wishedPort?: number,
): Promise<UpstashFront> {
  const redis = await connectResp(redisPort)
  const server = createServer((request, response) => {
    answer(request, redis, token).then(
      (reply) => send(response, reply),
      (error) =>
        send(response, refuse(500, `ERR ${error instanceof Error ? error.message : error}`)),
    )
  })
  server.on('connection', (socket) => socket.setNoDelay(true))
  const port = await listen(server, wishedPort)
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await closeServer(server)
      redis.close()
    },
  }
}

async function answer(
  request: IncomingMessage,
  redis: RespConnection,
  token: string,
): Promise<Answer> {
  const body = await readBody(request, BYTES_MAX)
  if (request.headers.authorization !== `Bearer ${token}`) {
    return refuse(401, 'WRONGPASS invalid or missing auth token')
  }
  if (!body) return refuse(400, `ERR max request size exceeded. Limit: ${BYTES_MAX} bytes`)
  const write = request.headers['upstash-encoding'] === 'base64' ? inBase64 : inText
  const path = request.method === 'POST' ? request.url : null
  if (path === '/') return await runOne(parse(body), redis, write)
  if (path === '/pipeline') return await runSeveral(parse(body), redis, write)
  if (path === '/multi-exec') return await runTogether(parse(body), redis, write)
  return refuse(400, 'ERR the command is not available over this path')
}

type Write = (reply: Reply) => Result

async function runOne(command: unknown, redis: RespConnection, write: Write): Promise<Answer> {
  const words = wordsOf(command)
  if (!Array.isArray(words)) return { status: 400, body: words }
  const [reply = null] = await redis.send([words])
  const result = write(reply)
  return { status: 'error' in result ? 400 : 200, body: result }
}

async function runSeveral(commands: unknown, redis: RespConnection, write: Write): Promise<Answer> {
  if (!Array.isArray(commands) || !commands.length) return refuse(400, 'ERR empty pipeline request')
  const checked = commands.map(wordsOf)
  const replies = await redis.send(checked.filter(Array.isArray))
  const body = checked.map((words) =>
    Array.isArray(words) ? write(replies.shift() ?? null) : words,
  )
  return { status: 200, body }
}

async function runTogether(
  commands: unknown,
  redis: RespConnection,
  write: Write,
): Promise<Answer> {
  if (!Array.isArray(commands) || !commands.length)
    return refuse(400, 'ERR empty multi-exec request')
  const checked = commands.map(wordsOf)
  const bad = checked.find((words) => !Array.isArray(words))
  if (bad) return { status: 400, body: bad }
  const replies = await redis.send([['MULTI'], ...checked.filter(Array.isArray), ['EXEC']])
  const executed = replies.at(-1)
  if (Array.isArray(executed)) return { status: 200, body: executed.map(write) }
  return { status: 400, body: write(executed ?? null) }
}

/** A command's words as text; Upstash takes numbers and booleans too, and no null. */
function wordsOf(command: unknown): string[] | { error: string } {
  if (!Array.isArray(command) || !command.length) return { error: 'ERR failed to parse command' }
  if (command.some((word) => word === null)) return { error: 'ERR null args are not supported' }
  const words = command.map((word) =>
    typeof word === 'object' ? JSON.stringify(word) : String(word),
  )
  const name = words[0]?.toUpperCase() ?? ''
  return UNAVAILABLE.has(name) ? { error: `ERR Command is not available: '${name}'` } : words
}

/** With `Upstash-Encoding: base64` every string is base64 but the status OK. */
function inBase64(reply: Reply): Result {
  return asResult(reply, (text) => Buffer.from(text).toString('base64'))
}

function inText(reply: Reply): Result {
  return asResult(reply, (text) => text.toString())
}

function asResult(reply: Reply, encode: (text: string | Buffer) => string): Result {
  if (isError(reply)) return reply
  return { result: value(reply, encode) }
}

function value(reply: Reply, encode: (text: string | Buffer) => string): unknown {
  if (reply === null || typeof reply === 'number') return reply
  if (Buffer.isBuffer(reply)) return encode(reply)
  if (Array.isArray(reply)) return reply.map((item) => value(item, encode))
  if (isError(reply)) return encode(reply.error)
  return reply.status === 'OK' ? 'OK' : encode(reply.status)
}

function isError(reply: Reply): reply is { error: string } {
  return reply !== null && typeof reply === 'object' && 'error' in reply
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return null
  }
}

function refuse(status: number, error: string): Answer {
  return { status, body: { error } }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, headers).end(text)
}
