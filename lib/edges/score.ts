import { DISTANCE_KM_MAX } from './distance.ts'
import type { Estimate } from './estimate.ts'

/** Where a factor is worth half. A round trip in ms: */
const LATENCY_MS_HALF = 50
/** One connection of sixteen on a line of 160 Mbit/s: half-way among the rates that are seen, where differences matter. */
const THROUGHPUT_MBPS_HALF = 10
/** A share of failed parts. */
const ERROR_RATE_HALF = 0.05

export type Priority = 'speed' | 'cost' | 'balanced'

/** How much each factor counts; they add up to 1. */
export type Weights = {
  distance: number
  latency: number
  load: number
  throughput: number
  errors: number
}

/** The weightings of the system this one replaces. */
const WEIGHTS: Record<Priority, Weights> = {
  balanced: { distance: 0.3, latency: 0.3, load: 0.2, throughput: 0.15, errors: 0.05 },
  speed: { distance: 0.1, latency: 0.4, load: 0.15, throughput: 0.3, errors: 0.05 },
  cost: { distance: 0.3, latency: 0.15, load: 0.4, throughput: 0.1, errors: 0.05 },
}

/** The weights of a priority. Where the client is nowhere known, distance counts nothing and the others make up for it. */
export function weightsOf(priority: Priority, isPlaced: boolean): Weights {
  const { distance, latency, load, throughput, errors } = WEIGHTS[priority]
  if (isPlaced) return WEIGHTS[priority]
  const rest = 1 - distance
  return {
    distance: 0,
    latency: latency / rest,
    load: load / rest,
    throughput: throughput / rest,
    errors: errors / rest,
  }
}

/**
 * A path's score, 0 to 1: the weighted sum of five factors, each 1 at its best and 0 at its worst. Distance falls evenly
 * to 0 at half the Earth's circumference (20,015 km), load to 0 at 100 %; latency, throughput and errors are worth half at
 * 50 ms, 10 Mbit/s and 5 %, and never quite saturate, so better always counts.
 */
export function scoreOf(estimate: Estimate, weights: Weights): number {
  const { distanceKm, latencyMs, loadPercent, throughputMbps, errorRate } = estimate
  return (
    weights.distance * (1 - (distanceKm ?? 0) / DISTANCE_KM_MAX) +
    weights.latency * (LATENCY_MS_HALF / (LATENCY_MS_HALF + latencyMs)) +
    weights.load * (1 - loadPercent / 100) +
    weights.throughput * (throughputMbps / (throughputMbps + THROUGHPUT_MBPS_HALF)) +
    weights.errors * (ERROR_RATE_HALF / (ERROR_RATE_HALF + errorRate))
  )
}
