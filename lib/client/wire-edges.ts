import type { Grant } from './wire.ts'

/** What the control plane says of ways to the store (docs/api.md). Times are RFC 3339, sizes bytes. */
export type Priority = 'speed' | 'cost' | 'balanced'

export type OptimalEdgesAsk = {
  fileSize: number
  priority?: Priority
  /** Round trips in ms, by path id; null for one that could not be reached. */
  measurements?: Record<string, number | null>
}

/** Distance in km, latency in ms, load in percent, throughput of one connection in Mbit/s, age in seconds. */
export type RankedEdge = {
  id: string
  url: string
  alternateUrls?: string[]
  city: string | null
  country: string | null
  score: number
  weight: number
  distance: number | null
  latency: number
  load: number | null
  throughput: number
  errorRate: number
  source: 'measured' | 'estimated'
  age: number | null
}

export type UploadStrategy = {
  chunkSize: number
  chunks: number
  threads: number
  estimatedTime: number
  estimatedCost: number
  assumptions: { throughput: number; usdPerGib: number; source: 'measured' | 'estimated' }
}

export type OptimalEdgesAnswer = {
  strategy: UploadStrategy
  edges: RankedEdge[]
  grant: Grant | null
  serverTime: string
}

export type EdgeState = 'planned' | 'up' | 'down' | 'draining'

/** A location of the catalogue; null is what nobody measured or said. */
export type EdgeStatus = {
  id: string
  city: string
  country: string
  lat: number
  lng: number
  state: EdgeState
  latencyMs: number | null
  throughputMbps: number | null
  errorRate: number | null
  loadPercent: number | null
  version: string | null
  lastSeenAt: string | null
  checkedAt: string | null
}

export type EdgesAnswer = { edges: EdgeStatus[]; serverTime: string }

/** What the administrator's calls answer. */
export type RegisteredEdge = EdgeStatus & {
  url: string | null
  alternateUrls?: string[]
  publicKey: string | null
}
