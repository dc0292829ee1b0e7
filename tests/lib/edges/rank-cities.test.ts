import { expect, test } from 'vitest'
import type { Priority } from '../../../lib/edges/rank.ts'
import { at, idsOf, NOW, ranked, standing } from './a-ranking.ts'

const PRIORITIES: Priority[] = ['balanced', 'speed', 'cost']

/** Where clients are, and the relays a person would name for them, best first; the same under all three priorities. */
const cities: [string, string[]][] = [
  ['lon-1', ['lon-1', 'par-1', 'ams-1', 'fra-1', 'bos-1']],
  ['fra-1', ['fra-1', 'ams-1', 'par-1', 'lon-1', 'bos-1']],
  ['tyo-1', ['tyo-1', 'hkg-1', 'sin-1', 'sea-1', 'syd-1']],
  ['syd-1', ['syd-1', 'sin-1', 'hkg-1', 'tyo-1', 'sfo-1']],
  ['sao-1', ['sao-1', 'mia-1', 'atl-1', 'nyc-1', 'bos-1']],
  ['sfo-1', ['sfo-1', 'lax-1', 'sea-1', 'den-1', 'dfw-1']],
]
const table = cities.flatMap(([city, five]) =>
  PRIORITIES.map((priority) => ({ city, priority, five })),
)

test.each(table)(
  'with nothing measured, a client at $city ($priority) gets $five',
  ({ city, priority, five }) => {
    const paths = ranked({ position: at(city), priority })
    expect(relaysOf(paths)).toEqual(five)
    for (const path of paths) expect(path).toMatchObject({ source: 'estimated', ageSeconds: null })
  },
)

/** What an account on a line of some 150 Mbit/s measures: one connection of many to the five relays, and to the store. */
const LINE_MBPS = [20, 16, 14, 12, 6, 5]

test.each(table)(
  'where all paths were measured and do as well as their distance allows, $city ($priority) keeps $five',
  ({ city, priority, five }) => {
    const paths = ranked({
      position: at(city),
      priority,
      standing: standing({ own: measured(five) }),
    })
    expect(relaysOf(paths)).toEqual(five)
    for (const path of paths) expect(path).toMatchObject({ source: 'measured', ageSeconds: 0 })
  },
)

test.each(table)(
  'where the nearest was measured at a tenth, $city ($priority) gets it for a few percent',
  ({ city, priority, five }) => {
    const [nearest = '', next] = five
    const own = { ...measured(five), [nearest]: { throughputMbps: 2 } }
    const paths = ranked({ position: at(city), priority, standing: standing({ own }) })
    expect(paths.find(({ id }) => id === nearest)?.weight).toBeLessThan(0.05)
    // From elsewhere the next one is an ocean away.
    if (['lon-1', 'fra-1', 'sfo-1'].includes(city)) expect(paths[0]?.id).toBe(next)
  },
)

test.each(table)(
  'where the nearest keeps failing, $city ($priority) gets the next one first and one more last',
  ({ city, priority, five }) => {
    const [nearest = '', ...others] = five
    const own = { ...measured(five), [nearest]: { failuresInRow: 3, failedAt: NOW } }
    const relays = relaysOf(ranked({ position: at(city), priority, standing: standing({ own }) }))
    expect(relays).not.toContain(nearest)
    expect(relays.slice(0, 4)).toEqual(others)
    expect(relays).toHaveLength(5)
  },
)

test.each(table)(
  'where a client measured its own round trips, $city ($priority) gets the shortest first',
  ({ city, priority, five }) => {
    const [first = '', second = ''] = five
    const measurements = new Map([
      [first, 250],
      [second, 5],
    ])
    expect(ranked({ position: at(city), priority, measurements })[0]?.id).toBe(second)
  },
)

test.each(cities)(
  'the relay of %s, nearly full, is not the first choice of who saves',
  (city, five) => {
    const loads = Object.fromEntries(five.map((id, index) => [id, index === 0 ? 98 : 15]))
    const paths = ranked({ position: at(city), priority: 'cost', standing: standing({ loads }) })
    expect(paths[0]?.id).toBe(five[1])
  },
)

function relaysOf(paths: ReturnType<typeof ranked>): string[] {
  return idsOf(paths).filter((id) => id !== 'direct')
}

function measured(five: string[]) {
  const ids = [...five, 'direct']
  return Object.fromEntries(ids.map((id, index) => [id, { throughputMbps: LINE_MBPS[index] ?? 0 }]))
}
