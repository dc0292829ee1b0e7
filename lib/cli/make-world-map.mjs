// Makes lib/cli/world-map.ts from a land outline in TopoJSON: Natural Earth 1:50m (public domain), as the npm package
// world-atlas carries it. Run by hand, when the outline or the resolution changes:
//
//   cd /tmp && npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
//   node lib/cli/make-world-map.mjs /tmp/package/land-50m.json
import { readFileSync, writeFileSync } from 'node:fs'
import { deflateRawSync } from 'node:zlib'

const STEP_DEGREES = 0.5
// Antarctica is left out.
const NORTH = 84
const SOUTH = -56
const COLUMNS = 360 / STEP_DEGREES
const ROWS = (NORTH - SOUTH) / STEP_DEGREES
const LINE_LENGTH = 96

const [file] = process.argv.slice(2)
if (!file) throw new Error('Usage: node lib/cli/make-world-map.mjs LAND-TOPOJSON')
const land = ringsOf(JSON.parse(readFileSync(file, 'utf8')))
writeFileSync(new URL('world-map.ts', import.meta.url), moduleOf(rasterOf(land)))

/** The rings of all polygons, holes included, as lists of [longitude, latitude] (TopoJSON 1.0, arcs with a transform). */
function ringsOf({ arcs, transform, objects }) {
  const lines = arcs.map((arc) => {
    const at = [0, 0]
    return arc.map((delta) =>
      delta.map((value, axis) => {
        at[axis] += value
        return at[axis] * transform.scale[axis] + transform.translate[axis]
      }),
    )
  })
  const lineOf = (index) => (index < 0 ? [...lines[~index]].reverse() : lines[index])
  const polygons = objects.land.geometries.flatMap(({ type, arcs: parts }) =>
    type === 'Polygon' ? [parts] : parts,
  )
  return polygons.flat().map((ring) => unwrapped(ring.flatMap(lineOf)))
}

/** Without the jumps from 180° E to 180° W. */
function unwrapped(ring) {
  let turns = 0
  return ring.map(([lng, lat], at) => {
    const step = at === 0 ? 0 : lng - ring[at - 1][0]
    if (Math.abs(step) > 180) turns -= Math.sign(step)
    return [lng + 360 * turns, lat]
  })
}

/** One bit for each half degree, from north-west, by the even-odd rule along the middle of each row. */
function rasterOf(rings) {
  const bits = Buffer.alloc((COLUMNS * ROWS) / 8)
  const flip = (row, column) => {
    const at = row * COLUMNS + ((column + 2 * COLUMNS) % COLUMNS)
    bits[at >> 3] ^= 128 >> (at & 7)
  }
  for (const ring of rings) {
    for (let row = 0; row < ROWS; row += 1) {
      const crossings = crossingsOf(ring, NORTH - (row + 0.5) * STEP_DEGREES)
      for (let at = 0; at + 1 < crossings.length; at += 2) {
        const first = Math.ceil((crossings[at] + 180) / STEP_DEGREES - 0.5)
        const end = Math.ceil((crossings[at + 1] + 180) / STEP_DEGREES - 0.5)
        for (let column = first; column < end; column += 1) flip(row, column)
      }
    }
  }
  return bits
}

function crossingsOf(ring, lat) {
  const crossings = []
  for (let at = 1; at < ring.length; at += 1) {
    const [[fromLng, fromLat], [toLng, toLat]] = [ring[at - 1], ring[at]]
    if (fromLat > lat === toLat > lat) continue
    crossings.push(fromLng + ((lat - fromLat) * (toLng - fromLng)) / (toLat - fromLat))
  }
  return crossings.sort((a, b) => a - b)
}

function moduleOf(bits) {
  const text = deflateRawSync(bits, { level: 9 }).toString('base64')
  const lines = text.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g'))
  return [
    '// Made by make-world-map.mjs from Natural Earth 1:50m land (naturalearthdata.com, public domain); not edited by hand.',
    '',
    '/** The grid of `LAND`: its step and its northern and southern edge in degrees; it begins at 180° W. */',
    `export const LAND_GRID = { stepDegrees: ${STEP_DEGREES}, north: ${NORTH}, south: ${SOUTH} } as const`,
    '',
    '/** One bit for each square, row by row from north-west, 1 for land: raw DEFLATE (RFC 1951) in base64. */',
    'export const LAND = `',
    ...lines,
    '`',
    '',
  ].join('\n')
}
