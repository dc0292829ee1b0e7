import type { Leg } from '../distance.ts'

/** A way without its target. */
type Way = Omit<Leg, 'target'>

const MBIT = 1_000_000
const FAR_MS = 165
/**
 * 19 Mbit/s at 165 ms, what a plain stream is said to reach on such a way (100 MB in 45 s); clients have it towards
 * everything.
 */
const CLIENT_WINDOW_BYTES = 390_000
/** Between servers that have moved data for a while. */
const RELAY_WINDOW_BYTES = 4_000_000

/** The client's line, each way, shared by all its connections. */
export const ACCESS_BITS_PER_SECOND = 300 * MBIT

/** The client stands in New York, the store 165 ms away. */
export const CLIENT_LOCATION = { latitude: '40.71', longitude: '-74.01', country: 'US' }

/** The relays by their names in the catalogue, nearest first, and how far they are (ms, there and back). */
export const RELAYS = [
  { id: 'nyc-1', rttMs: 10 },
  { id: 'bos-1', rttMs: 15 },
  { id: 'tor-1', rttMs: 20 },
  { id: 'chi-1', rttMs: 25 },
  { id: 'atl-1', rttMs: 30 },
]

export const TO_STORE: Way = { rttMs: FAR_MS, windowBytes: CLIENT_WINDOW_BYTES, overAccess: true }
export const TO_FUNCTIONS: Way = { rttMs: 30, windowBytes: CLIENT_WINDOW_BYTES, overAccess: true }
export const RELAY_TO_STORE: Way = { rttMs: FAR_MS, windowBytes: RELAY_WINDOW_BYTES, warm: true }

/** The way to a relay. */
export function toRelay({ rttMs }: { rttMs: number }): Way {
  return { rttMs, windowBytes: CLIENT_WINDOW_BYTES, overAccess: true }
}

/** The profile for people, a line each. */
export function describeProfile(): string[] {
  const relays = RELAYS.map((relay) => toRelay(relay))
  const rates = relays.map((way) => mbitsOf(way).toFixed(0)).join(', ')
  const rows = [
    [
      'access line',
      `${ACCESS_BITS_PER_SECOND / MBIT} Mbit/s each way, shared by all connections of the client`,
    ],
    ['client - store', describe(TO_STORE)],
    [
      'client - relays',
      `${RELAYS.map(({ rttMs }) => rttMs).join(', ')} ms, window ${kb(CLIENT_WINDOW_BYTES)}: at most ${rates} Mbit/s a connection`,
    ],
    ['client - functions', `${TO_FUNCTIONS.rttMs} ms`],
    ['relays - store', `${describe(RELAY_TO_STORE)}, already open`],
    ['functions - store', `${FAR_MS} ms; to the database none`],
  ]
  return [
    'Emulated distance: round trips, windows, slow start, no loss. Every connection is under it, the plain one too.',
    ...rows.map(([name = '', text]) => `  ${name.padEnd(20)}${text}`),
  ]
}

function describe(way: Way): string {
  const rate = mbitsOf(way)
  return `${way.rttMs} ms, window ${kb(way.windowBytes)}: at most ${rate.toFixed(rate < 100 ? 1 : 0)} Mbit/s a connection`
}

function mbitsOf({ rttMs, windowBytes }: Way): number {
  return (windowBytes * 8) / (rttMs / 1000) / MBIT
}

function kb(bytes: number): string {
  return bytes < MBIT ? `${bytes / 1000} kB` : `${bytes / MBIT} MB`
}
