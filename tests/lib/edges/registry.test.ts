import { expect, test } from 'vitest'
import { fakeRelay } from '../../local/fake-relay.ts'
import { ownStack } from '../../local/own-stack.ts'

await ownStack({ edges: 0 })
const { query } = await import('../../../lib/db/client.ts')
const { registerEdge, retireEdge } = await import('../../../lib/edges/registry.ts')
const { Problem } = await import('../../../lib/problem.ts')
const { sql } = await import('../../../lib/vendor/orm.js')

const publicKey = Buffer.alloc(32).toString('base64')

/** One address where each question is answered by the next of the ids, in the order that they are asked for. */
async function manyFaced(ids: string[]) {
  const relay = await fakeRelay('', (_, outgoing) => {
    const id = ids[relay.asked.length - 1]
    outgoing.end(JSON.stringify({ id, status: 'ok', version: '1' }))
  })
  return relay.url
}

test('of many edges that are registered at one address at once, one is', async () => {
  const ids = [
    'lon-1',
    'fra-1',
    'ams-1',
    'par-1',
    'nyc-1',
    'sfo-1',
    'sea-1',
    'bos-1',
    'den-1',
    'mia-1',
  ]
  const url = await manyFaced(ids)
  const results = await Promise.allSettled(ids.map((id) => registerEdge({ id, url, publicKey })))
  const refusals = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  expect(refusals.every((one) => one instanceof Problem)).toBe(true)
  const [count] = await query(
    sql`SELECT count(*)::int AS at FROM edge_locations WHERE url = ${url} AND is_active`,
  )
  expect(count).toEqual({ at: 1 })
  for (const id of ids) await retireEdge(id)
})

test('an address that only an edge without a relay still has is free', async () => {
  const { url } = await fakeRelay('tyo-1')
  await query(sql`UPDATE edge_locations SET url = ${url} WHERE id = 'syd-1'`)
  expect((await registerEdge({ id: 'tyo-1', url, publicKey })).state).toBe('up')
})

test('the same registration many times at once is one, and all are answered', async () => {
  const { url } = await fakeRelay('lis-1')
  const place = { city: 'Lisbon', country: 'PT', lat: 38.72, lng: -9.14 }
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => registerEdge({ id: 'lis-1', url, publicKey, ...place })),
  )
  expect(answers.every((edge) => edge.url === url && edge.state === 'up')).toBe(true)
  await retireEdge('lis-1')
})
