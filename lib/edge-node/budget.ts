import type { Grant } from '../edges/grant.ts'

const SWEEP_SECONDS = 60

/**
 * Bytes set aside for one request. `extend` sets more aside, or refuses without doing so; `settle` says at the end how
 * many were really sent and gives the rest back.
 */
export type Reservation = {
  extend: (bytes: number) => boolean
  settle: (sentBytes: number) => void
}

/** What every grant has used here. Nothing is counted twice and no number of requests at once passes the grant. */
export type Budget = {
  reserve: (grant: Grant, bytes: number, now: number) => Reservation | null
  size: () => number
}

type Count = { held: number; exp: number }

/**
 * Counts bytes by grant id, in memory: a restarted relay begins at 0. Bytes are set aside before the first of them is
 * sent; null means they do not fit. A grant is forgotten once it has expired. `now` is in Unix seconds.
 */
export function makeBudget(): Budget {
  const counts = new Map<string, Count>()
  let sweptAt = 0

  return {
    size: () => counts.size,
    reserve(grant, bytes, now) {
      if (now - sweptAt >= SWEEP_SECONDS) {
        sweptAt = now
        forget(counts, now)
      }
      const count = counts.get(grant.id) ?? { held: 0, exp: grant.exp }
      count.exp = Math.max(count.exp, grant.exp)
      counts.set(grant.id, count)

      const reservation = open(count, grant.bytes)
      return reservation.extend(bytes) ? reservation : null
    },
  }
}

function open(count: Count, limit: number): Reservation {
  let reserved = 0
  return {
    extend(bytes) {
      if (count.held + bytes > limit) return false
      count.held += bytes
      reserved += bytes
      return true
    },
    settle(sentBytes) {
      count.held -= reserved - sentBytes
      reserved = sentBytes
    },
  }
}

function forget(counts: Map<string, Count>, now: number): void {
  for (const [id, { exp }] of counts) if (exp <= now) counts.delete(id)
}
