import { createEngine } from '../../../lib/client/engine.ts'
import type { EngineOptions } from '../../../lib/client/engine-state.ts'
import { failure } from '../../../lib/client/failure.ts'
import type { Flight } from '../../../lib/client/flight.ts'
import type { Job } from '../../../lib/client/job-queue.ts'

export const MIB = 1024 * 1024
const STEP_MS = 10

/** What one attempt meets: bytes a second, nothing any more (`0`), or an error. Asked at every step. */
export type Pace = (flight: Flight, attempt: number) => number | Error

/** Jobs that move at a pace of the test's choosing, through the real engine. */
export function anEngine(pace: Pace, options: Partial<EngineOptions> = {}) {
  const attempts = new Map<number, Flight[]>()
  const arrived: number[] = []
  const gaveUp: Error[] = []
  const progress = { bytes: 0, perPath: new Map<string, number>() }
  let finished: () => void = () => {}
  const engine = createEngine({
    ...options,
    onBytes: (routeId, bytes) => {
      progress.bytes += bytes
      progress.perPath.set(routeId, (progress.perPath.get(routeId) ?? 0) + bytes)
    },
  })

  function job(index: number, bytes: number, count: number): Job {
    return {
      bytes,
      wanted: () => !arrived.includes(index),
      giveUp: (error) => {
        gaveUp.push(error)
        finished()
      },
      run: async (flight) => {
        const tries = attempts.get(index) ?? []
        attempts.set(index, [...tries, flight])
        await move(flight, (now) => pace(now, tries.length))
        if (!arrived.includes(index)) arrived.push(index)
        if (arrived.length === count) finished()
      },
    }
  }

  /** Sends so many pieces and resolves when all have arrived, or one was given up. */
  async function send(count: number, bytes: number): Promise<void> {
    const done = new Promise<void>((resolve) => {
      finished = resolve
    })
    engine.add(Array.from({ length: count }, (_, index) => job(index, bytes, count)))
    await done
    // The attempts that lost hear of it in the next turn.
    await sleep(1)
  }

  return { engine, send, attempts, arrived, gaveUp, progress }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function move(flight: Flight, pace: (flight: Flight) => number | Error): Promise<void> {
  let bytes = 0
  let at = performance.now()
  while (bytes < flight.job.bytes) {
    await sleep(STEP_MS)
    if (flight.signal.aborted) throw failure('stopped', 'again')
    const now = performance.now()
    const speed = pace(flight)
    if (speed instanceof Error) throw speed
    if (speed > 0) {
      const step = Math.min(flight.job.bytes - bytes, Math.round((speed * (now - at)) / 1000))
      await flight.pace(step)
      bytes += step
      flight.moved(bytes)
    }
    at = now
  }
}
