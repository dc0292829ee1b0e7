import { type Random, randomFrom } from './random.ts'

export const SERVICES = ['sql', 'redis', 's3'] as const
export type Service = (typeof SERVICES)[number]

/**
 * What becomes of a request to a service. `refuse`: it does not reach it. `lose`: it acts, its answer is lost. `fail`: an
 * answer of 500 or 503 instead. Or it waits for so many ms first.
 */
export type Fate = 'pass' | 'refuse' | 'lose' | 'fail' | { delayMs: number }

const EVERY_MS = 10_000
const FIRST_AFTER_MS = 4_000
const LASTING_MS = 3_000

/** How many of a service's requests meet a fault while there are any. The SDK asks the store three times. */
const SHARE: Record<Service, number> = { sql: 0.08, redis: 0.25, s3: 0.2 }
const KINDS = [
  ['refuse', 3],
  ['lose', 3],
  ['fail', 2],
  ['delay', 2],
] as const
/** Redis is given up after 800 ms. */
const DELAY_MS_MAX: Record<Service, number> = { sql: 600, redis: 1_500, s3: 1_500 }

/** An answer that came, failed or not, as the ledger has it. Times as `performance.now()`. */
export type Span = { begun: number; ended: number }

export type Faults = {
  /** Decides about one request, and takes down what it decided. */
  fateOf(service: Service): Fate
  /** Something worse happens now: everything that is under way until `end` is called is excused. */
  outage(): { end(): void }
  /** Whether a fault that breaks a request to one of these services fell into this time. */
  explain(span: Span, services: readonly Service[]): boolean
  isOn(): boolean
  stop(): void
  counts(): Record<Service, Record<string, number>>
}

/** Faults for 3 s of every 10 s from now on, the first after 4 s, none in the last seconds of a run. */
export function startFaults(seed: number, lastingMs: number): Faults {
  const random = randomFrom(seed)
  const began = performance.now()
  const broken: Record<Service, number[]> = { sql: [], redis: [], s3: [] }
  const counted = { sql: newCounts(), redis: newCounts(), s3: newCounts() }
  const outages: Span[] = []
  let isStopped = false

  const isOn = () => {
    const elapsed = performance.now() - began
    const phase = elapsed % EVERY_MS
    return (
      !isStopped &&
      phase >= FIRST_AFTER_MS &&
      phase < FIRST_AFTER_MS + LASTING_MS &&
      elapsed - phase + FIRST_AFTER_MS + LASTING_MS <= lastingMs
    )
  }
  return {
    isOn,
    stop: () => {
      isStopped = true
    },
    fateOf(service) {
      if (!isOn() || !random.chance(SHARE[service])) return 'pass'
      const kind = random.weighted(KINDS)
      counted[service][kind] += 1
      if (kind === 'delay') return { delayMs: delayOf(service, random) }
      broken[service].push(performance.now())
      return kind
    },
    outage() {
      const span = { begun: performance.now(), ended: Number.POSITIVE_INFINITY }
      outages.push(span)
      return {
        end: () => {
          span.ended = performance.now()
        },
      }
    },
    explain: (span, services) =>
      outages.some((one) => one.begun <= span.ended && one.ended >= span.begun) ||
      services.some((service) => fellInto(broken[service], span)),
    counts: () => counted,
  }
}

function newCounts() {
  return { refuse: 0, lose: 0, fail: 0, delay: 0 }
}

function delayOf(service: Service, random: Random): number {
  return 50 + random.below(DELAY_MS_MAX[service])
}

function fellInto(times: readonly number[], { begun, ended }: Span): boolean {
  return times.some((time) => time >= begun && time <= ended)
}
