/** Light in fibre, one way. */
const FIBRE_KM_PER_MS = 200
/** Routes are longer than the great circle: Bozkurt et al., "Dissecting Latency in the Internet's Fiber Infrastructure" (2018). */
const ROUTE_FACTOR = 2.1
/** The client's own access line and the two hosts. */
const ACCESS_MS = 8

/** How far a place is taken to be when it is not known. */
export const UNKNOWN_KM = 10_000

const SEGMENT_BITS = 1460 * 8
/** Share of packets lost, as on the long lines of our benchmark. */
const LOSS = 1e-4
/** Mathis, Semke, Mahdavi, Ott (1997): a window of 1.22 / √p segments; over the round trip that is the rate. */
const RENO_MBPS_MS = (SEGMENT_BITS * 1.22) / Math.sqrt(LOSS) / 1000
/** RFC 9438, section 5.1: CUBIC's window of 1.054 (RTT / p)^0.75 segments, RTT in seconds; over the RTT, RTT^-0.25 is left. */
const CUBIC_MBPS_MS = (SEGMENT_BITS * 1.054 * LOSS ** -0.75 * 1000 ** 0.25) / 1e6
/** More than this is not expected of one connection. */
const THROUGHPUT_MBPS_MAX = 200

/**
 * Of what its round trip allows, what an untried path is expected to reach: as much as each of 16 connections did that
 * shared a long emulated line. A tried one is compared with the best path of each account that used it, which is 1, so
 * one that does about as well as others is expected to carry more than one that nobody tried.
 */
export const UNTRIED_SHARE = 0.25
/** Load in percent of a relay without a fresh heartbeat. */
export const LOAD_PERCENT = 50
/** Share of parts that fail on a path nobody measured. */
export const ERROR_RATE = 0.01

/** The round trip in ms over so many kilometres; over 10,000 where they are not known. */
export function impliedLatencyMs(distanceKm: number | null): number {
  return ACCESS_MS + (2 * ROUTE_FACTOR * (distanceKm ?? UNKNOWN_KM)) / FIBRE_KM_PER_MS
}

/**
 * The goodput in Mbit/s that one TCP connection can reach over a round trip in ms at a loss of 0.01 %: Reno's on short
 * paths, CUBIC's from about 57 ms on. (Seen on the emulated lines: 129 at 10 ms, 23 at 165; this gives 142 and 19.)
 */
export function impliedThroughputMbps(latencyMs: number): number {
  const reno = RENO_MBPS_MS / latencyMs
  const cubic = CUBIC_MBPS_MS / Math.sqrt(Math.sqrt(latencyMs))
  return Math.min(THROUGHPUT_MBPS_MAX, Math.max(reno, cubic))
}
