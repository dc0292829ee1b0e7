import { edgeRoundTripsMs, type Link } from './link.ts'

/** lib/edges/prior.ts: what a round trip is taken to be over a distance. */
const ACCESS_MS = 8
const MS_PER_KM = 0.021
const KM_PER_DEGREE = 111.195

/** Where the platform's geo headers place the client: London. Everything else stands south of it. */
const CLIENT = { latitude: 51.5, longitude: -0.13 }

export type Place = { lat: number; lng: number }

/**
 * Where client, relays and store are said to be: as far apart as the ranking expects of their round trips, so that it meets what
 * a deployment meets, relays whose distance says about how near they are. Five milliseconds make 240 km.
 */
export function placesOf(link: Link): { client: typeof CLIENT; relays: Place[]; store: Place } {
  return {
    client: CLIENT,
    relays: edgeRoundTripsMs().map(placeAt),
    store: placeAt(link.rttMs),
  }
}

function placeAt(roundTripMs: number): Place {
  const km = Math.max(0, roundTripMs - ACCESS_MS) / MS_PER_KM
  const lat = CLIENT.latitude - km / KM_PER_DEGREE
  return { lat: Number(lat.toFixed(4)), lng: CLIENT.longitude }
}
