import { EDGES } from '../../drizzle/catalogue.ts'
import { distanceKm, type Position } from './distance.ts'

/** Where a client is, as coarse as measurements are shared: the id of the nearest of the catalogue's 20 locations; null when unknown. */
export function regionOf(position: Position | null): string | null {
  if (position === null) return null
  let nearest: string | null = null
  let nearestKm = Number.POSITIVE_INFINITY
  for (const location of EDGES) {
    const km = distanceKm(position, location)
    if (km < nearestKm) {
      nearest = location.id
      nearestKm = km
    }
  }
  return nearest
}
