const EARTH_RADIUS_KM = 6371

/** Degrees, WGS 84. */
export type Position = { lat: number; lng: number }

/** Great-circle distance in kilometres by the haversine formula (R. W. Sinnott, 1984), R = 6,371 km. */
export function distanceKm(a: Position, b: Position): number {
  const h =
    haversine(b.lat - a.lat) +
    Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * haversine(b.lng - a.lng)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)))
}

function haversine(degrees: number): number {
  return Math.sin(radians(degrees) / 2) ** 2
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
