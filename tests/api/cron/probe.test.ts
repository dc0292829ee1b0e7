import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { fakeRelay, healthy } from '../../local/fake-relay.ts'
import { freePort } from '../../local/listen.ts'
import { ownStack } from '../../local/own-stack.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'

const PATH = '/api/cron/probe'

const { env } = await ownStack({ edges: 2 })
const proxies = await throughProxies()
const { GET } = await import('../../../api/cron/probe.ts')
const edges = await import('../../../api/edges.ts')
const { startRelay } = await import('../../../lib/edge-node/relay.ts')
const { grantPublicKey } = await import('../../../lib/edges/grant.ts')
const { anAccount } = await import('../../local/account.ts')
const { aContent } = await import('../../local/content.ts')
const { uploader } = await import('../../local/uploading.ts')

const probe = (as = process.env.CRON_SECRET) => call(GET, 'GET', PATH, { as })

async function register(id: string, url: string) {
  const body = { id, url, publicKey: Buffer.alloc(32, id).toString('base64') }
  const answer = await call(edges.POST, 'POST', '/api/edges', { as: env.ADMIN_TOKEN, body })
  expect(answer.status).toBe(200)
}

const retire = (id: string) =>
  call(edges.DELETE, 'DELETE', `/api/edges?id=${id}`, { as: env.ADMIN_TOKEN })

async function offered(): Promise<string[]> {
  const { apiKey } = await anAccount()
  const { body } = await uploader(apiKey).start([await aContent(10), { path: randomUUID() }])
  return body.edges.map((edge: { id: string }) => edge.id)
}

test('a relay that is killed is offered to nobody after one probe, and again when it is back', async () => {
  const port = await freePort()
  const settings = {
    id: 'par-1',
    port,
    origin: env.LYVE_ENDPOINT ?? '',
    bucket: env.LYVE_BUCKET_NAME ?? '',
    grantPublicKey: grantPublicKey(env.EDGE_GRANT_PRIVATE_KEY ?? ''),
    stopMs: 0,
  }
  const first = await startRelay(settings)
  await register('par-1', first.url)
  expect((await probe()).body).toEqual({ probed: 3, up: 3, changed: 0 })
  expect(await offered()).toContain('par-1')

  await first.stop()
  expect((await probe()).body).toEqual({ probed: 3, up: 2, changed: 1 })
  expect(await offered()).toEqual(expect.arrayContaining(['lon-1', 'fra-1']))
  expect(await offered()).not.toContain('par-1')
  expect((await probe()).body).toEqual({ probed: 3, up: 2, changed: 0 })

  const second = await startRelay(settings)
  expect((await probe()).body).toEqual({ probed: 3, up: 3, changed: 1 })
  expect(await offered()).toContain('par-1')
  await second.stop()
  await retire('par-1')
})

test('a relay that does not reach its store is offered to nobody', async () => {
  const relay = await fakeRelay('ams-1')
  await register('ams-1', relay.url)
  relay.answer = healthy('ams-1', { status: 'degraded' }, 503)
  await probe()
  expect(await offered()).not.toContain('ams-1')
  relay.answer = healthy('ams-1', { version: '2.0.0' })
  await probe()
  expect(await offered()).toContain('ams-1')
  const { body } = await retire('ams-1')
  expect(body.state).toBe('planned')
})

test('it costs three SQL and one Redis, however many relays there are', async () => {
  for (const { passed } of Object.values(proxies)) passed.length = 0
  await probe()
  expect([proxies.sql.passed.length, proxies.redis.passed.length]).toEqual([3, 1])
})

test('without Redis relays are probed all the same', async () => {
  proxies.redis.fault = () => 'refuse'
  expect((await probe()).body).toMatchObject({ up: 2 })
  proxies.redis.fault = undefined
})

test('nobody but the scheduler probes', async () => {
  for (const as of ['', 'undefined', `${process.env.CRON_SECRET}x`, env.ADMIN_TOKEN]) {
    const answer = await probe(as)
    expect([answer.status, answer.body.type]).toEqual([401, '/errors/unauthorized'])
  }
})
