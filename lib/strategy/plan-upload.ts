import { layoutOf } from '../content/layout.ts'
import type { RankedPath } from '../edges/rank.ts'

/** No line is taken to be faster: connections beyond what fills this one only wait for each other. */
const LINE_MBPS_MAX = 1_000
/**
 * What a line of which nothing was measured is taken to carry. A path's prior says what one connection could carry, never
 * what the caller's line can: without this, 16 connections would promise a gigabit to everybody.
 */
const LINE_MBPS_ASSUMED = 100
/** A connection idles for a round trip between two parts; so few hide that, and a slow one among them. */
const CONNECTIONS_MIN = 4
/** A path that carries nothing would make an upload endless. */
const MBPS_MIN = 0.01
const BITS_PER_MEGABIT = 1_000_000

/** How to send a file: its layout, the connections worth opening, and how long that takes if the assumption holds. */
export type UploadPlan = {
  /** Bytes of every chunk but the last. */
  chunkSize: number
  chunks: number
  /** Connections, over all paths together. */
  threads: number
  estimatedSeconds: number
  /** Mbit/s of all these connections together; `measured` where the account itself sent over one of the paths. */
  throughputMbps: number
  source: 'measured' | 'estimated'
}

export type PlanInput = {
  /** Bytes. */
  fileSize: number
  /** Best first, `direct` among them. */
  paths: readonly RankedPath[]
  /** How many connections the tier allows. */
  connectionsMax: number
  /** Paths of which the account itself measured the throughput. */
  sentOver: ReadonlySet<string>
}

/**
 * Plans one upload. Pure.
 *
 * Connections: what the tier allows, at most one for each chunk, and no more than fill a gigabit at the goodput of the
 * fastest path (at least 4), because connections move to the path that carries most. One that is too many costs little,
 * one that is missing costs its share.
 *
 * Throughput: that goodput for each connection that has work all the time, `fileSize / chunkSize` of them at most; never
 * above a gigabit, and without the account's own measurements never above what a line is assumed to carry.
 */
export function planUpload(input: PlanInput): UploadPlan {
  const { fileSize, paths, connectionsMax, sentOver } = input
  const { partSize, partCount } = layoutOf(fileSize)
  // One that carries nothing, as where the client does not reach it, promises nothing either.
  const carrying = paths.filter(({ weight }) => weight > 0)
  const known = carrying.filter(({ id }) => sentOver.has(id))
  const source = known.length > 0 ? 'measured' : 'estimated'
  const perConnection = fastestOf(known.length > 0 ? known : carrying)

  const useful = Math.max(CONNECTIONS_MIN, Math.ceil(LINE_MBPS_MAX / perConnection))
  const allowed = Math.max(1, Math.min(connectionsMax, useful))
  const busy = partCount === 1 ? 1 : Math.min(allowed, fileSize / partSize)
  const line = source === 'measured' ? LINE_MBPS_MAX : LINE_MBPS_ASSUMED
  const throughputMbps = Math.min(line, perConnection * busy)
  return {
    chunkSize: partSize,
    chunks: partCount,
    threads: Math.min(allowed, partCount),
    estimatedSeconds: secondsFor(fileSize, throughputMbps, paths[0]?.latencyMs ?? 0),
    throughputMbps,
    source,
  }
}

/**
 * Whole seconds, at least 1, that bytes take at a throughput in Mbit/s (of all connections together), with one round trip
 * in ms before the first byte and one after the last.
 */
export function secondsFor(bytes: number, throughputMbps: number, latencyMs = 0): number {
  const sending = (bytes * 8) / (Math.max(MBPS_MIN, throughputMbps) * BITS_PER_MEGABIT)
  return Math.max(1, Math.ceil(sending + (2 * latencyMs) / 1000))
}

function fastestOf(paths: readonly RankedPath[]): number {
  return paths.reduce((fastest, path) => Math.max(fastest, path.throughputMbps), MBPS_MIN)
}
