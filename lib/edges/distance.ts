const EARTH_RADIUS_KM = 6371

/** The farthest that two places can be from each other: half the circumference. */
export const DISTANCE_KM_MAX = Math.PI * EARTH_RADIUS_KM

/** Degrees, WGS 84. */
export type Position = { lat: number; lng: number }

/** Great-circle distance in kilometres by the haversine formula (R. W. Sinnott, 1984), R = 6,371 km. */
export function distanceKm(a: Position, b: Position): number {
  return distanceFrom(a)(b)
}

/** The distances in kilometres from one place to many; what belongs to the one place is worked out once. */
export function distanceFrom(from: Position): (to: Position) => number {
  const cosine = Math.cos(radians(from.lat))
  return (to) => {
    const h =
      haversine(to.lat - from.lat) +
      cosine * Math.cos(radians(to.lat)) * haversine(to.lng - from.lng)
    return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)))
  }
}

function haversine(degrees: number): number {
  const sine = Math.sin(radians(degrees) / 2)
  return sine * sine
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
