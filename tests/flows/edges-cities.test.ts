import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { aContent } from '../local/content.ts'
import { ownStack } from '../local/own-stack.ts'
import { call } from '../local/request.ts'

await ownStack({ edges: 0 })
// The store stands in Virginia.
process.env.LYVE_POSITION = '38.95,-77.45'
const { anAccount } = await import('../local/account.ts')
const { query } = await import('../../lib/db/client.ts')
const { recordTimings } = await import('../../lib/edges/record-timings.ts')
const { sql } = await import('../../lib/vendor/orm.js')
const advice = await import('../../api/jetty/optimal-edges.ts')
const uploads = await import('../../api/storage/upload.ts')

/** A relay at each of the twenty locations, all of them up. */
beforeAll(async () => {
  await query(sql`UPDATE edge_locations
    SET url = 'https://' || id || '.example', is_active = true, is_up = true, seen_at = now(), checked_at = now()`)
})

const PRIORITIES = ['balanced', 'speed', 'cost']
const PART = { parts: 8, bytes: 64e6, failures: 0, failuresInRow: 0, latencyMs: null }
type Path = { id: string; weight: number; distance: number; source: string }

/** Where clients are, and the relays a person would name for them, best first. */
const cities: [city: string, position: { lat: number; lng: number }, five: string[]][] = [
  ['London', { lat: 51.5074, lng: -0.1278 }, ['lon-1', 'par-1', 'ams-1', 'fra-1', 'bos-1']],
  ['Frankfurt', { lat: 50.1109, lng: 8.6821 }, ['fra-1', 'ams-1', 'par-1', 'lon-1', 'bos-1']],
  ['Tokyo', { lat: 35.6762, lng: 139.6503 }, ['tyo-1', 'hkg-1', 'sin-1', 'sea-1', 'syd-1']],
  ['Sydney', { lat: -33.8688, lng: 151.2093 }, ['syd-1', 'sin-1', 'hkg-1', 'tyo-1', 'sfo-1']],
  ['São Paulo', { lat: -23.5505, lng: -46.6333 }, ['sao-1', 'mia-1', 'atl-1', 'nyc-1', 'bos-1']],
  [
    'San Francisco',
    { lat: 37.7749, lng: -122.4194 },
    ['sfo-1', 'lax-1', 'sea-1', 'den-1', 'dfw-1'],
  ],
]

function headersAt({ lat, lng }: { lat: number; lng: number }): Record<string, string> {
  return { 'x-vercel-ip-latitude': `${lat}`, 'x-vercel-ip-longitude': `${lng}` }
}

function relaysOf(paths: Path[]): string[] {
  return paths.map(({ id }) => id).filter((id) => id !== 'direct')
}

async function aClient() {
  const { apiKey: as, accountId } = await anAccount({ tier: 'enterprise' })
  const ask = async (more: object, headers = {}): Promise<Path[]> => {
    const body = { fileSize: 2 ** 30, ...more }
    return (await call(advice.POST, 'POST', '/api/jetty/optimal-edges', { as, body, headers })).body
      .edges
  }
  const start = async (headers = {}): Promise<Path[]> => {
    const { fileSize, fileHash, partHashes } = await aContent(10)
    const body = { files: [{ path: randomUUID(), fileSize, fileHash, partHashes }] }
    return (await call(uploads.POST, 'POST', '/api/storage/upload', { as, body, headers })).body
      .edges
  }
  return { accountId, ask, start }
}

test.each(cities)(
  'from %s the five are the same for every priority, whoever says where that is',
  async (_, userLocation, five) => {
    const { ask, start } = await aClient()
    const headers = headersAt(userLocation)
    for (const priority of PRIORITIES) {
      expect(relaysOf(await ask({ priority, userLocation }))).toEqual(five)
      expect(relaysOf(await ask({ priority }, headers))).toEqual(five)
    }
    expect(relaysOf(await start(headers))).toEqual(five)
  },
)

test.each(cities)(
  'from %s a relay that was slow for the account keeps less than a tenth, one that failed or is out of reach nothing',
  async (_, userLocation, five) => {
    const { ask, accountId } = await aClient()
    const [first = '', second = '', third = ''] = five
    const viewer = { accountId, position: userLocation }
    await recordTimings(viewer, [
      { ...PART, edgeId: first, busyMs: 256_000 },
      { ...PART, edgeId: second, busyMs: 25_600 },
      { ...PART, edgeId: third, parts: 0, bytes: 0, busyMs: 1, failures: 3, failuresInRow: 3 },
    ])
    const paths = await ask({ userLocation })
    expect(paths.find(({ id }) => id === first)?.weight ?? 0).toBeLessThan(0.1)
    expect(relaysOf(paths)).not.toContain(third)
    expect(relaysOf(paths)).toHaveLength(5)

    const measurements = { [second]: null }
    const without = relaysOf(await ask({ userLocation, measurements }))
    expect(without).not.toContain(second)
    expect(without).toHaveLength(5)
    expect(relaysOf(await (await aClient()).ask({ userLocation }))).toEqual(five)
  },
)

test('where nobody says where the client is, there is no distance, and direct is first of equals', async () => {
  const { ask } = await aClient()
  const paths = await ask({})
  expect(paths[0]).toMatchObject({ id: 'direct', distance: null })
  expect(paths).toHaveLength(6)
})
