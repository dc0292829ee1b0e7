import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EDGES } from '../../../drizzle/catalogue.ts'
import { landOf, placeOf } from '../../../lib/cli/edges-land.ts'
import { mapLines } from '../../../lib/cli/edges-map.ts'
import { painted, plain } from '../../../lib/cli/edges-terminal.ts'
import { aLocation } from './edges-service.ts'

const UTF8 = { columns: 100, isUtf8: true, paint: plain }
const ASCII = { columns: 80, isUtf8: false, paint: plain }
const MARK = /[●◐✕○]/g

/** Inland and at sea, far from any coast. */
const INLAND = { Madrid: [40.4, -3.7], Moscow: [55.8, 37.6], Denver: [39.7, -105] }
const AT_SEA = { Atlantic: [30, -40], Pacific: [0, -150], Indian: [-20, 80], Caspian: [42, 50.5] }

const locations = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'),
    state: fc.constantFrom('up', 'down', 'draining', 'planned'),
    lat: fc.integer({ min: -90, max: 90 }),
    lng: fc.integer({ min: -180, max: 180 }),
  }),
  { selector: ({ name }) => name, maxLength: 9 },
)

test.each(Object.entries(INLAND))('%s is on land', (_, at) => {
  expect(isLandAt(at)).toBe(true)
})

test.each(Object.entries(AT_SEA))('the %s is no land', (_, at) => {
  expect(isLandAt(at)).toBe(false)
})

test('the map is 96 columns and 26 rows on a wide terminal, and not wider than a narrow one', () => {
  const wide = mapLines([], UTF8)
  expect(wide.length - 1).toBe(26)
  expect(Math.max(...wide.map(({ length }) => length))).toBeGreaterThan(90)
  expect(Math.max(...wide.map(({ length }) => length))).toBeLessThanOrEqual(96)
  const narrow = mapLines([], { ...UTF8, columns: 72 })
  expect(Math.max(...narrow.map(({ length }) => length))).toBeLessThanOrEqual(72)
})

test('each state has its mark, its name and its count', () => {
  const states = ['up', 'down', 'draining', 'planned']
  const lngs = [-100, -30, 40, 120]
  const edges = states.map((state, at) => aLocation(`e-${at}`, { state, lat: 20, lng: lngs[at] }))
  const text = mapLines(edges, UTF8).join('\n')
  for (const drawn of ['● e-0', '✕ e-1', '◐ e-2', '○ e-3']) expect(text).toContain(drawn)
  expect(text).toContain('● up 1   ◐ draining 1   ✕ down 1   ○ planned 1')
})

test('the 20 locations all have a mark, and each a name on the map or below it', () => {
  const edges = EDGES.map((edge) => aLocation(edge.id, edge))
  const lines = mapLines(edges, UTF8)
  expect(lines.slice(0, 26).join('').match(MARK)).toHaveLength(20)
  for (const { id } of edges) expect(lines.join('\n')).toContain(id)
})

test('wherever edges are, marks and names stay whole', () => {
  fc.assert(
    fc.property(locations, (places) => {
      const edges = places.map(({ name, ...place }) => aLocation(`edge-${name}`, place))
      const lines = mapLines(edges, UTF8)
      const map = lines.slice(0, 26).join('\n')
      expect(map.match(MARK) ?? []).toHaveLength(edges.length)
      for (const { id } of edges) expect(lines.join('\n').split(id)).toHaveLength(2)
      expect(Math.max(...lines.slice(0, 26).map(({ length }) => length))).toBeLessThanOrEqual(96)
    }),
    { numRuns: 30 },
  )
}, 20_000)

test('without UTF-8 it is drawn in ASCII', () => {
  const edges = EDGES.map((edge) => aLocation(edge.id, edge))
  const lines = mapLines(edges, ASCII)
  expect(lines.join('')).toMatch(/^[\x20-\x7e]*$/)
  expect(lines.join('\n')).toContain('@ syd-1')
  expect(lines.at(-2)).toBe('@ up 20   % draining 0   X down 0   o planned 0')
})

test('colours change nothing but colours', () => {
  const edges = EDGES.map((edge) => aLocation(edge.id, edge))
  const colored = mapLines(edges, { ...UTF8, paint: painted })
  expect(colored.join('')).toContain('\u001b[32m●\u001b[0m')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
  const bare = colored.map((line) => line.replace(/\u001b\[\d+m/g, ''))
  expect(bare).toEqual(mapLines(edges, UTF8))
})

test('east is right and north is up, across the whole map', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -53, max: 82 }),
      fc.integer({ min: -168, max: 190 }),
      (lat, lng) => {
        const here = placeOf(96, { lat, lng })
        expect(placeOf(96, { lat: lat + 0.5, lng }).row).toBeLessThan(here.row)
        expect(placeOf(96, { lat, lng: lng + 0.5 }).column).toBeGreaterThan(here.column)
      },
    ),
  )
})

function isLandAt([lat = 0, lng = 0]: number[]): boolean {
  const { row, column } = placeOf(96, { lat, lng })
  return landOf(96).isLand(Math.floor(column * 2), Math.floor(row * 4))
}
