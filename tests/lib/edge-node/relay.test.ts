import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request, type ServerResponse } from 'node:http'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { startRelay } from '../../../lib/edge-node/relay.ts'
import { readSettings, usage } from '../../../lib/edge-node/settings.ts'
import { grantPublicKey } from '../../../lib/edges/grant.ts'
import {
  ask,
  BUCKET,
  makeOrigin,
  makeRecorder,
  makeRelay,
  makeToken,
  SEED,
  URL_OF_OBJECT,
  until,
} from './harness.ts'

const ENVIRONMENT = {
  EDGE_ID: 'lon-1',
  EDGE_ORIGIN: 'https://s3.example',
  EDGE_BUCKET: 'bucket',
  EDGE_GRANT_PUBLIC_KEY: grantPublicKey(SEED),
}

test('a preflight is answered on any path and needs no grant', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  for (const path of [URL_OF_OBJECT, '/anything?x', '*']) {
    const { status, headers } = await ask(relay.url, {
      method: 'OPTIONS',
      path,
      token: null,
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'content-type,x-amz-checksum-sha256,x-jetty-grant',
      },
    })
    expect(status).toBe(204)
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(headers['access-control-allow-methods']).toBe('PUT, GET, HEAD')
    expect(headers['access-control-allow-headers']).toContain('x-jetty-grant')
    expect(headers['access-control-allow-headers']).toContain('x-amz-checksum-sha256')
    expect(headers['access-control-max-age']).toBe('7200')
    expect(headers).not.toHaveProperty('access-control-allow-private-network')
  }
  expect(received).toHaveLength(0)
})

test('a page may reach a relay in its own network where the browser asks for that', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const headers = { 'access-control-request-private-network': 'true' }
  const answer = await ask(relay.url, { method: 'OPTIONS', token: null, headers })
  expect(answer.headers['access-control-allow-private-network']).toBe('true')
})

test('/health says who answers and how much it does, to every page and uncached', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url, { version: '1.2.3' })
  const answer = await ask(relay.url, { method: 'GET', path: '/health', token: null })
  expect(JSON.parse(answer.bytes.toString())).toEqual({
    id: 'lon-1',
    status: 'ok',
    version: '1.2.3',
    origin: 'reachable',
    activeRequests: 1,
    uptimeSeconds: 0,
  })
  expect(answer.headers).toMatchObject({
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
  })
})

test('clients beyond the limit are not served, those within it are', async () => {
  const { url } = await makeOrigin(() => undefined)
  const relay = await makeRelay(url, { connectionsMax: 1 })
  const first = request(relay.url + URL_OF_OBJECT, {
    agent: false,
    headers: { 'x-jetty-grant': makeToken() },
  }).end()
  first.on('error', () => undefined)
  await until(() => relay.stats().activeRequests === 1)
  await expect(ask(relay.url, { method: 'GET' })).rejects.toThrow()
})

test('stopping lets a running upload finish and takes no new one', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url, { stopMs: 5_000 })
  const upload = request(relay.url + URL_OF_OBJECT, {
    method: 'PUT',
    agent: false,
    headers: { 'x-jetty-grant': makeToken(), 'content-length': 6 },
  })
  upload.write('abc')
  await until(() => relay.stats().bytesUp === 3)
  const stopped = relay.stop()
  await expect(ask(relay.url, { method: 'GET' })).rejects.toThrow('ECONNREFUSED')
  upload.end('def')
  const [answer] = await once(upload, 'response')
  expect(answer.statusCode).toBe(200)
  await stopped
  expect(received[0]?.body.toString()).toBe('abcdef')
})

test('while it stops, a relay ends each connection with its next answer', async () => {
  const held: ServerResponse[] = []
  const { url } = await makeOrigin((_incoming, outgoing) => void held.push(outgoing))
  const relay = await makeRelay(url, { stopMs: 5_000 })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const headers = { 'x-jetty-grant': makeToken() }
  const download = async (via?: Agent) => {
    const [answer] = await once(
      request(relay.url + URL_OF_OBJECT, { headers, agent: via }).end(),
      'response',
    )
    answer.resume()
    await once(answer, 'end')
    return answer.headers.connection
  }
  const long = download()
  await until(() => held.length === 1)
  const before = download(agent)
  await until(() => held.length === 2)
  const stopped = relay.stop()
  held[1]?.end('ok')
  expect(await before).toBe('keep-alive')
  const after = download(agent)
  await until(() => held.length === 3)
  held[2]?.end('ok')
  expect(await after).toBe('close')
  held[0]?.end('ok')
  await long
  await stopped
})

test('stopping waits no longer than it was told to', async () => {
  const { url } = await makeOrigin(() => undefined)
  const relay = await makeRelay(url, { stopMs: 100 })
  const cut = expect(ask(relay.url, { method: 'GET' })).rejects.toThrow()
  await until(() => relay.stats().activeRequests === 1)
  await relay.stop()
  await cut
})

test('over TLS the same request passes, as HTTP/1.1, and a renewed certificate is served without a restart', async () => {
  const { url, received } = await makeRecorder()
  const { files, install } = makeCertificates()
  install('one')
  const relay = await makeRelay(url, { tls: files, certificateMs: 20 })
  expect(relay.url).toMatch(/^https:/)
  expect(await getTls(relay.url)).toBe(200)
  expect(received).toHaveLength(1)

  const before = await peerOf(relay.port)
  expect(before.certificate.subject.CN).toBe('one')
  expect(before.protocol).toBe('http/1.1')

  install('two')
  await expect.poll(async () => (await peerOf(relay.port)).certificate.subject.CN).toBe('two')
})

test('a certificate without its key changes nothing until the key is there', async () => {
  const { url } = await makeRecorder()
  const { files, install } = makeCertificates()
  install('one')
  const relay = await makeRelay(url, { tls: files, certificateMs: 20 })
  install('two', ['cert'])
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect((await peerOf(relay.port)).certificate.subject.CN).toBe('one')
  install('two', ['key'])
  await expect.poll(async () => (await peerOf(relay.port)).certificate.subject.CN).toBe('two')
})

test('a relay does not start with a certificate and a key that do not belong together', async () => {
  const { files, install } = makeCertificates()
  install('one', ['cert'])
  install('two', ['key'])
  await expect(makeRelay('http://127.0.0.1:1', { tls: files })).rejects.toThrow('is not the key')
})

test.each(['s3.example', 'https://s3.example/path', 'ftp://s3.example', 'https://u:p@s3.example'])(
  'the origin %s is refused',
  async (origin) => {
    const grantKey = grantPublicKey(SEED)
    const start = startRelay({ id: 'a', origin, bucket: BUCKET, grantPublicKey: grantKey })
    await expect(start).rejects.toThrow('The origin is a URL without a path')
  },
)

test('a port that is taken is said, and nothing stays behind', async () => {
  const { url } = await makeRecorder()
  const { port } = await makeRelay(url)
  await expect(makeRelay(url, { port })).rejects.toThrow('EADDRINUSE')
})

test('settings come from the environment, flags first', () => {
  expect(readSettings([], ENVIRONMENT)).toEqual({
    id: 'lon-1',
    origin: 'https://s3.example',
    bucket: 'bucket',
    grantPublicKey: grantPublicKey(SEED),
    port: 8080,
    host: '127.0.0.1',
    connectionsMax: 2000,
  })
  const flags = ['--id', 'par-1', '--port=0', '--tls-cert', 'c', '--tls-key', 'k', '--host', '::']
  expect(readSettings(flags, ENVIRONMENT)).toMatchObject({
    id: 'par-1',
    port: 0,
    host: '::',
    tls: { certFile: 'c', keyFile: 'k' },
  })
  expect(readSettings(['--tls-cert=c', '--tls-key=k'], ENVIRONMENT)).toMatchObject({ port: 8443 })
})

test('every missing or unusable setting is named at once', () => {
  expect(() => readSettings([], { EDGE_ID: '', EDGE_PORT: '65536', EDGE_TLS_KEY: 'k' })).toThrow(
    [
      'The relay cannot start:',
      '  EDGE_ID (--id) is missing',
      '  EDGE_ORIGIN (--origin) is missing',
      '  EDGE_BUCKET (--bucket) is missing',
      '  EDGE_GRANT_PUBLIC_KEY (--grant-public-key) is missing',
      '  EDGE_PORT (--port): expected a number up to 65535',
      '  EDGE_TLS_CERT (--tls-cert) is missing: a certificate needs both files',
    ].join('\n'),
  )
  expect(() => readSettings(['--no-such'], ENVIRONMENT)).toThrow('--no-such')
  expect(() => readSettings([], { ...ENVIRONMENT, EDGE_GRANT_PUBLIC_KEY: 'c2hvcnQ=' })).toThrow(
    '32 bytes in base64',
  )
})

test('--help names every setting', () => {
  expect(readSettings(['--help'], {})).toBe('help')
  for (const name of Object.keys(ENVIRONMENT)) expect(usage()).toContain(name)
})

test('the program serves until SIGTERM and ends with 0', async () => {
  const { url } = await makeRecorder()
  const child = spawn(process.execPath, ['--import', 'tsx', 'lib/edge-node/main.ts', '--port=0'], {
    env: { ...process.env, ...ENVIRONMENT, EDGE_ORIGIN: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  const base = /http:\/\/[\d.:]+/.exec(String(line))?.[0] ?? ''
  expect((await ask(base, { body: Buffer.from('abc') })).status).toBe(200)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

/** Two self-signed certificates, made here and forgotten with the test. */
function makeCertificates() {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of ['one', 'two']) {
    const out = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.cert`)]
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const subject = ['-subj', `/CN=${name}`, '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...out], { stdio: 'ignore' })
  }
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  writeFileSync(files.certFile, '')
  writeFileSync(files.keyFile, '')
  const install = (name: string, what = ['cert', 'key']) => {
    for (const kind of what)
      copyFileSync(join(folder, `${name}.${kind}`), join(folder, `${kind}.pem`))
  }
  return { files, install }
}

async function getTls(base: string): Promise<number | undefined> {
  const headers = { 'x-jetty-grant': makeToken() }
  const download = get(base + URL_OF_OBJECT, { headers, rejectUnauthorized: false, agent: false })
  const [answer] = await once(download, 'response')
  answer.resume()
  return answer.statusCode
}

async function peerOf(port: number): Promise<{ certificate: PeerCertificate; protocol: unknown }> {
  const offer = { port, host: '127.0.0.1', rejectUnauthorized: false }
  const socket: TLSSocket = connectTls({ ...offer, ALPNProtocols: ['h2', 'http/1.1'] })
  await once(socket, 'secureConnect')
  const peer = { certificate: socket.getPeerCertificate(), protocol: socket.alpnProtocol }
  socket.destroy()
  return peer
}
