import { inflateRawSync } from 'node:zlib'
import { LAND, LAND_GRID } from './world-map.ts'

/** Dots of one character of Braille. */
export const DOTS_ACROSS = 2
export const DOTS_DOWN = 4

/** The map ends where land does in the north, and at Cape Horn; Antarctica is left out. */
const NORTH = 83
const SOUTH = -56
/** The map begins in the Bering Strait, so that no land is cut. */
const WEST = -169
/** A dot is land when so much of it is. */
const LAND_SHARE = 0.4
/** So many samples across and down a dot. */
const SAMPLES = 3
const RADIANS = Math.PI / 180
const GRID_COLUMNS = 360 / LAND_GRID.stepDegrees

/** The land in dots; `isLand` goes around the world and says no above and below the map. */
export type Land = { columns: number; rows: number; isLand: (x: number, y: number) => boolean }

/**
 * The world's land on a map of so many characters across, in Gall's stereographic projection (standard parallels at 45°:
 * x = λ / √2, y = (1 + √2 / 2) tan(φ / 2); Snyder and Voxland, An Album of Map Projections, USGS 1989). Dots are square
 * where characters are twice as high as wide.
 */
export function landOf(columns: number): Land {
  const rows = rowsOf(columns)
  const width = columns * DOTS_ACROSS
  const height = rows * DOTS_DOWN
  const bits = inflateRawSync(Buffer.from(LAND, 'base64'))
  const dots = new Uint8Array(width * height)
  for (let y = 0; y < height; y += 1) {
    const latitudes = samples(y).map((at) => latitudeOf(at / height))
    for (let x = 0; x < width; x += 1) {
      const longitudes = samples(x).map((at) => WEST + (360 * at) / width)
      dots[y * width + x] = isMostlyLand(bits, latitudes, longitudes) ? 1 : 0
    }
  }
  const isLand = (x: number, y: number) =>
    y >= 0 && y < height && dots[y * width + ((x + width) % width)] === 1
  return { columns, rows, isLand }
}

/**
 * Where a place is on a map of so many columns, in characters from its upper left corner; what lies north or south of
 * the map is at its border.
 */
export function placeOf(columns: number, { lat, lng }: { lat: number; lng: number }) {
  const rows = rowsOf(columns)
  const across = ((((lng - WEST) % 360) + 360) % 360) / 360
  const down = (upOf(NORTH) - upOf(lat)) / (upOf(NORTH) - upOf(SOUTH))
  return {
    column: across * columns,
    row: Math.max(0, Math.min(rows - 0.5, down * rows)),
  }
}

function rowsOf(columns: number): number {
  const widthToRadians = (columns * DOTS_ACROSS * Math.SQRT2) / (2 * Math.PI)
  return Math.round(((upOf(NORTH) - upOf(SOUTH)) * widthToRadians) / DOTS_DOWN)
}

/** How far above the equator a latitude is drawn, in radii. */
function upOf(lat: number): number {
  return (1 + Math.SQRT1_2) * Math.tan((lat * RADIANS) / 2)
}

/** The latitude at a share of the map's height, from the top. */
function latitudeOf(down: number): number {
  const up = upOf(NORTH) - down * (upOf(NORTH) - upOf(SOUTH))
  return (2 * Math.atan(up / (1 + Math.SQRT1_2))) / RADIANS
}

function samples(dot: number): number[] {
  return Array.from({ length: SAMPLES }, (_, at) => dot + (at + 0.5) / SAMPLES)
}

function isMostlyLand(bits: Uint8Array, latitudes: number[], longitudes: number[]): boolean {
  let land = 0
  for (const lat of latitudes) for (const lng of longitudes) land += bitAt(bits, lat, lng)
  return land >= LAND_SHARE * latitudes.length * longitudes.length
}

function bitAt(bits: Uint8Array, lat: number, lng: number): number {
  const row = Math.floor((LAND_GRID.north - lat) / LAND_GRID.stepDegrees)
  const column = Math.floor((lng + 180) / LAND_GRID.stepDegrees) % GRID_COLUMNS
  const at = row * GRID_COLUMNS + column
  return ((bits[at >> 3] ?? 0) >> (7 - (at & 7))) & 1
}
