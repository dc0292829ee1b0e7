import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { grantVerifier } from '../edges/grant.ts'
import { BUFFER_BYTES, openOrigin } from './origin.ts'
import { type Refusal, refuseConnection } from './refuse.ts'
import { makeService, type RelayStats, type Service } from './serve.ts'
import { type CertificateFiles, followCertificate, readCertificate } from './tls.ts'

const HEADER_BYTES_MAX = 16 * 1024
/** How long a client's connection stays open between two parts. */
const KEEP_ALIVE_MS = 75_000
const CHECK_MS = 1_000
const STOP_POLL_MS = 20

/** What a relay needs to know; the rest has defaults. Times in ms. */
export type RelaySettings = {
  /** The name that grants call this relay by. */
  id: string
  /** The one S3 origin: `https://s3.example`, without a path. */
  origin: string
  bucket: string
  /** `host:port` to connect to instead of the origin's own; Host and TLS name stay the origin's. */
  connectTo?: string
  /** 32 bytes in base64. */
  grantPublicKey: string
  /** 0 (default) takes a free one. */
  port?: number
  host?: string
  tls?: CertificateFiles
  version?: string
  connectionsMax?: number
  warmConnections?: number
  /** A body that stands still for this long is given up. */
  stallMs?: number
  headersMs?: number
  /** How long `stop` waits for running requests. */
  stopMs?: number
  certificateMs?: number
}

/** A running relay. `stop` accepts nothing more, lets running requests finish up to `stopMs`, then cuts them. */
export type Relay = {
  url: string
  port: number
  stop: () => Promise<void>
  stats: () => RelayStats
}

const DEFAULTS = {
  port: 0,
  host: '127.0.0.1',
  version: 'unknown',
  connectionsMax: 2_000,
  warmConnections: 8,
  stallMs: 60_000,
  headersMs: 15_000,
  stopMs: 30_000,
  certificateMs: 10_000,
}

/**
 * Starts an edge relay: it streams granted, presigned requests to one S3 origin and needs no storage secret.
 *
 * @throws Error where a setting cannot be used, the certificate cannot be read or the port cannot be had
 */
export async function startRelay(given: RelaySettings): Promise<Relay> {
  const settings: Settings = { ...DEFAULTS, ...given }
  const place = {
    id: settings.id,
    bucket: settings.bucket,
    publicKey: grantVerifier(settings.grantPublicKey),
  }
  const url = originUrl(settings.origin)
  const { server, unfollow } = await makeServer(settings)
  const { connectionsMax: socketsMax, warmConnections, connectTo, version, stallMs } = settings
  const { bucket } = place
  const origin = openOrigin({ url, bucket, connectTo, socketsMax, warmConnections })
  const service = makeService({ place, origin, version, stallMs })
  attach(server, service)

  const release = () => {
    unfollow()
    origin.stop()
  }
  const port = await listen(server, settings).catch((error: unknown) => {
    release()
    throw error
  })
  const stop = async () => {
    service.close()
    await finish(server, service, settings.stopMs)
    release()
  }
  return { url: publicUrl(settings, port), port, stop, stats: service.stats }
}

type Settings = RelaySettings & typeof DEFAULTS

function originUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw new Error(`The origin is a URL without a path, such as https://s3.example, not ${text}`)
  }
  return url
}

async function makeServer(settings: Settings): Promise<{ server: Server; unfollow: () => void }> {
  const options = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: settings.headersMs,
    connectionsCheckingInterval: CHECK_MS,
    // A body may take as long as it moves; forward() watches that.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    highWaterMark: BUFFER_BYTES,
    noDelay: true,
    keepAlive: true,
  }
  if (!settings.tls) return { server: createServer(options), unfollow: () => undefined }

  const current = await readCertificate(settings.tls)
  const server = createTlsServer({
    ...options,
    ...current,
    handshakeTimeout: settings.headersMs,
  })
  const unfollow = followCertificate(server, settings.tls, {
    current,
    everyMs: settings.certificateMs,
  })
  return { server, unfollow }
}

function attach(server: Server, { onRequest, onCheckContinue, isBusy }: Service): void {
  server.on('request', onRequest)
  server.on('checkContinue', onCheckContinue)
  server.on('connect', (_request, socket) => refuseConnection(socket, NO_TUNNEL))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // What is said now would stand in the middle of an answer.
    if (error.code === 'ECONNRESET' || isBusy(socket)) socket.destroy()
    else refuseConnection(socket, faultOf(error))
  })
}

const NO_TUNNEL: Refusal = {
  refusal: 'edge-refused',
  detail: 'The method CONNECT is not forwarded.',
}

function faultOf({ code }: NodeJS.ErrnoException): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { refusal: 431, detail: `Headers may have ${HEADER_BYTES_MAX} bytes.` }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { refusal: 408, detail: 'The headers did not come in time.' }
  }
  return { refusal: 400, detail: 'This is not HTTP/1.1 as RFC 9112 has it.' }
}

async function listen(server: Server, { port, host, connectionsMax }: Settings): Promise<number> {
  server.maxConnections = connectionsMax
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function finish(server: Server, service: Service, stopMs: number): Promise<void> {
  server.close()
  const deadline = Date.now() + stopMs
  while (service.stats().activeRequests > 0 && Date.now() < deadline) await sleep(STOP_POLL_MS)
  server.closeAllConnections()
}

function publicUrl({ host, tls }: Settings, port: number): string {
  const name =
    { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (isIPv6(host) ? `[${host}]` : host)
  return `${tls ? 'https' : 'http'}://${name}:${port}`
}
