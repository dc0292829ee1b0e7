import type { Job } from './run-due.ts'

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3600

/** What runs after requests. Each is safe to run twice at once, and its code is loaded by the first run. */
export const JOBS: readonly Job[] = [
  {
    name: 'probe',
    everySeconds: MINUTE_SECONDS,
    run: async () => (await import('../edges/probe.ts')).probeEdges(),
  },
  {
    name: 'sweep',
    everySeconds: MINUTE_SECONDS,
    run: async () => (await import('../sweep/sweep.ts')).sweep(),
  },
  {
    name: 'deliver',
    everySeconds: MINUTE_SECONDS,
    run: async () => (await import('../events/deliver.ts')).deliverEvents(),
  },
  {
    name: 'roll-up',
    everySeconds: HOUR_SECONDS,
    run: async () => (await import('../edges/roll-up.ts')).rollUpDays(),
  },
]
