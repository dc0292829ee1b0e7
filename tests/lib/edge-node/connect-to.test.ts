import { expect, test } from 'vitest'
import { readSettings } from '../../../lib/edge-node/settings.ts'
import { grantPublicKey } from '../../../lib/edges/grant.ts'
import { BUCKET, makeRecorder, makeRelay, makeToken, SEED, URL_OF_OBJECT } from './harness.ts'

const ENVIRONMENT = {
  EDGE_ID: 'lon-1',
  EDGE_ORIGIN: 'https://s3.example',
  EDGE_BUCKET: BUCKET,
  EDGE_GRANT_PUBLIC_KEY: grantPublicKey(SEED),
}

test('a relay reaches its origin at another address, under the Host that was signed', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay('http://s3.example', { connectTo: new URL(url).host })
  const headers = { 'x-jetty-grant': makeToken() }
  const answer = await fetch(relay.url + URL_OF_OBJECT, { method: 'PUT', body: 'abc', headers })
  expect(answer.status).toBe(200)
  expect(received.map(({ headers }) => headers.host)).toEqual(['s3.example'])
})

test('the address to connect to is host:port', () => {
  const settings = readSettings(['--connect-to', '[::1]:9000'], ENVIRONMENT)
  expect(settings).toMatchObject({ connectTo: '[::1]:9000', origin: 'https://s3.example' })
  expect(() => readSettings(['--connect-to', 'http://a:1'], ENVIRONMENT)).toThrow(
    'EDGE_CONNECT_TO (--connect-to): expected host:port',
  )
})
