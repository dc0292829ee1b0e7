import { expect, test } from 'vitest'
import { GRANT_SECONDS_MAX, grantPublicKey, verifyGrant } from '../../../lib/edges/grant.ts'
import { grantFor, offerEdges } from '../../../lib/edges/offer.ts'
import { env } from '../../../lib/env.ts'
import { at, standing, TWENTY } from './a-ranking.ts'

const MIB = 1024 * 1024
const account = {
  id: crypto.randomUUID(),
  userId: 'somebody',
  tier: 'pro',
  status: 'active',
  callsPerMinute: 300,
}
const allowance = {
  tier: 'pro',
  quotaBytes: 1,
  usedBytes: 0,
  reservedBytes: 0,
  bandwidthQuotaBytes: 1,
  bandwidthUsedBytes: 0,
  fileBytesMax: 1,
  edgesEnabled: true,
  connectionsMax: 16,
}
const known = { allowance, edges: TWENTY, standing: standing({}), position: at('fra-1') }

function read(token: string) {
  const now = Math.floor(Date.now() / 1000)
  return verifyGrant(grantPublicKey(env.EDGE_GRANT_PRIVATE_KEY), token, now)
}

test('five relays are offered, best first, and the direct way with its share', () => {
  const { edges, direct, connections } = offerEdges(account, MIB, known)
  expect(edges.map(({ id }) => id)).toEqual(['fra-1', 'ams-1', 'par-1', 'lon-1', 'bos-1'])
  expect(edges[0]).toEqual({
    id: 'fra-1',
    url: 'https://fra-1.example',
    city: 'Frankfurt',
    country: 'DE',
    distanceKm: 0,
    score: expect.any(Number),
    weight: expect.any(Number),
    source: 'estimated',
  })
  expect(direct).toEqual({
    score: expect.any(Number),
    weight: expect.any(Number),
    source: 'estimated',
  })
  const weights = [...edges, direct].map(({ weight }) => weight)
  expect(weights.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 3)
  expect(connections).toBe(16)
})

test('what the account measured moves the offer', () => {
  const measuredAt = Date.now()
  const own = {
    'fra-1': { throughputMbps: 0.2, latencyMs: 150, measuredAt },
    'ams-1': { throughputMbps: 20, measuredAt },
  }
  const { edges } = offerEdges(account, MIB, { ...known, standing: standing({ own }) })
  expect(edges[0]).toMatchObject({ id: 'ams-1', source: 'measured' })
})

test('one grant holds for all that are offered, and for no more', () => {
  const { edges, grant } = offerEdges(account, 100 * MIB, known)
  expect(read(grant?.token ?? '')).toMatchObject({
    account: account.id,
    prefix: 'users/somebody/',
    relays: edges.map(({ id }) => id),
    bytes: 194 * MIB,
  })
  expect(grant?.bytes).toBe(194 * MIB)
})

test('a tier without edges gets the direct way alone, and so does a deployment without relays', () => {
  const without = { ...known, allowance: { ...allowance, edgesEnabled: false } }
  for (const one of [without, { ...known, edges: [] }]) {
    const { edges, direct, grant } = offerEdges(account, MIB, one)
    expect(edges).toEqual([])
    expect(grant).toBeNull()
    expect(direct.weight).toBe(1)
  }
})

test('without the place of the client no distance is told', () => {
  const { edges } = offerEdges(account, MIB, { ...known, position: null })
  expect(edges).toHaveLength(5)
  for (const { distanceKm } of edges) expect(distanceKm).toBeNull()
})

test('a grant lives for an hour, and there is none for no relays', () => {
  const grant = grantFor(account, ['lon-1'], 0)
  const lifeMs = Date.parse(grant?.expiresAt ?? '') - Date.now()
  expect(lifeMs).toBeLessThanOrEqual(GRANT_SECONDS_MAX * 1000)
  expect(lifeMs).toBeGreaterThan((GRANT_SECONDS_MAX - 5) * 1000)
  expect(grantFor(account, [], MIB)).toBeNull()
})
