import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

// A plain streaming proxy beside the nearest relay, for clients that sign for the address they talk to: S3 requests of any
// kind go to the store as they came, on connections that are kept open and warm, as the relay's are. It checks nothing.
const WARM_CONNECTIONS = 4
const WARM_MS = 4_000
const BUFFER_BYTES = 256 * 1024

type Options = { host: string; port: number; originHost: string; originPort: number }

const { host, port, originHost, originPort }: Options = JSON.parse(process.argv[2] ?? '{}')
const agent = new Agent({ keepAlive: true, noDelay: true, maxFreeSockets: 256 })
const origin = { host: originHost, port: originPort, agent, writableHighWaterMark: BUFFER_BYTES }

function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url: path, headers } = incoming
  const onward = request({
    ...origin,
    method,
    path,
    headers: { ...headers, connection: 'keep-alive' },
  })
  onward.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
  })
  onward.on('continue', () => outgoing.writeContinue())
  onward.on('error', () => outgoing.destroy())
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) onward.destroy()
  })
  incoming.pipe(onward)
}

function warm(): void {
  for (let count = 0; count < WARM_CONNECTIONS; count += 1) {
    request({ ...origin, path: '/?warm' }, (answer) => answer.resume())
      .on('error', () => undefined)
      .end()
  }
}

const server = createServer({ noDelay: true, requestTimeout: 0, highWaterMark: BUFFER_BYTES }, pass)
server.on('checkContinue', pass)
server.listen(port, host, () => process.send?.({ port }))
warm()
setInterval(warm, WARM_MS)
