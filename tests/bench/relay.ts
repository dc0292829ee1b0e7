import { randomBytes, randomUUID } from 'node:crypto'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startRelay } from '../../lib/edge-node/relay.ts'
import { grantPublicKey, signGrant } from '../../lib/edges/grant.ts'

const PART_BYTES = 8 * 1024 * 1024
const PARTS = 128
const CONNECTIONS = 16

type Row = { path: string; 'MB/s': number; 'of direct': string }

/** 16 connections of 8 MiB parts to an origin that drops them: straight, and through a relay in the same process. */
export async function benchRelay(): Promise<Row[]> {
  const origin = createServer((incoming, answer) => {
    incoming.resume().once('end', () => answer.end())
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => origin.once('listening', resolve))
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const seed = randomBytes(32).toString('base64')
  const relay = await startRelay({
    id: 'bench',
    origin: originUrl,
    bucket: 'bench',
    grantPublicKey: grantPublicKey(seed),
  })
  const grant = signGrant(seed, {
    v: 1,
    id: randomUUID(),
    account: 'bench',
    prefix: 'users/bench/',
    relays: ['bench'],
    bytes: 1e12,
    exp: Math.floor(Date.now() / 1000) + 600,
  })

  await putAll(originUrl, grant)
  const direct = await putAll(originUrl, grant)
  const relayed = await putAll(relay.url, grant)
  await relay.stop()
  origin.close()
  return [
    { path: 'direct', 'MB/s': Math.round(direct), 'of direct': '1.00' },
    { path: 'relay', 'MB/s': Math.round(relayed), 'of direct': (relayed / direct).toFixed(2) },
  ]
}

async function putAll(base: string, grant: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const body = randomBytes(PART_BYTES)
  const url = `${base}/bench/users/bench/object?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0&X-Amz-Credential=0&X-Amz-Date=0&X-Amz-Expires=60&X-Amz-SignedHeaders=host`
  const headers = { 'content-length': PART_BYTES, 'x-jetty-grant': grant }
  const put = () =>
    new Promise<void>((resolve, reject) => {
      const outgoing = request(url, { method: 'PUT', agent, headers }, (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}`))
        answer.resume().once('end', resolve)
      })
      outgoing.once('error', reject).end(body)
    })
  const begun = performance.now()
  await Promise.all(Array.from({ length: PARTS }, put))
  const seconds = (performance.now() - begun) / 1000
  agent.destroy()
  return (PARTS * PART_BYTES) / 1e6 / seconds
}
