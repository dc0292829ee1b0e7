import type { Api } from './api.ts'
import { failureOf, messageOf, problemOf } from './failure.ts'
import type { Flight } from './flight.ts'
import type { PartTiming, SessionAnswer, SessionReport } from './wire.ts'

const PATH = '/api/jetty/track-upload'
/** A transfer that is over sooner only tells its end. */
const FIRST_REPORT_MS = 5_000
/** Where the service does not say. */
const REPORT_SECONDS = 60
/** As many as one report takes; older ones give way. */
const TIMINGS_MAX = 1_000
const MESSAGE_LENGTH_MAX = 500
const REPORT_LIMIT_MS = 10_000
/** The last report gets so long, of which the one before it may still take a part. */
const LAST_LIMIT_MS = 2_000
const CURRENT_LIMIT_MS = 1_000

export type SessionOptions = {
  api: Api
  /** What is true of the transfer now. */
  progress: () => Omit<SessionReport, 'action' | 'sessionId' | 'edgesUsed' | 'timings'>
  firstReportMs?: number
}

/** This client's attempt at one upload, as the service hears of it. */
export type Session = {
  /** A part begins to go. */
  begin: () => void
  /** A part has arrived or failed over a path. */
  took: (timing: PartTiming) => void
  /** The upload is done, or this client gives it up. */
  end: (error?: Error) => void
}

type State = SessionOptions & {
  sessionId: string
  edgesUsed: Set<string>
  timings: PartTiming[]
  timer?: ReturnType<typeof setTimeout>
  underWay?: Promise<void>
  /** Ends the report that is under way. */
  cut: AbortController
  begun: boolean
  ended: boolean
}

/**
 * Reports how a transfer goes (docs/api.md, track-upload): first after 5 s, then as often as the answers ask for, or
 * when 1,000 timings are gathered, and once at the end. Nothing waits for it or fails with it: what cannot be delivered
 * is dropped.
 */
export function openSession(options: SessionOptions): Session {
  const state: State = {
    ...options,
    sessionId: crypto.randomUUID(),
    edgesUsed: new Set(),
    timings: [],
    cut: new AbortController(),
    begun: false,
    ended: false,
  }
  return {
    begin: () => {
      if (!state.begun) reportLater(state, options.firstReportMs ?? FIRST_REPORT_MS)
      state.begun = true
    },
    took: (timing) => {
      state.edgesUsed.add(timing.edgeId)
      state.timings.push(timing)
      if (state.timings.length > TIMINGS_MAX) state.timings.shift()
      if (state.timings.length === TIMINGS_MAX) reportNow(state)
    },
    end: (error) => {
      clearTimeout(state.timer)
      if (state.begun && !state.ended) void reportEnd(state, error)
      state.ended = true
    },
  }
}

/** Runs one attempt at a part and notes how long its path took. What is not the path's fault says nothing about it. */
export async function timed(
  session: Session | null,
  { partNumber, flight }: { partNumber: number; flight: Flight },
  attempt: (onConnect: (ms: number) => void) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now()
  let latencyMs: number | undefined
  const took = (failed: boolean) =>
    session?.took({
      edgeId: flight.route.id,
      chunkIndex: partNumber - 1,
      bytes: flight.bytes,
      durationMs: Math.round(performance.now() - startedAt),
      failed,
      latencyMs,
    })
  session?.begin()
  try {
    await attempt((ms) => {
      latencyMs = Math.round(ms * 100) / 100
      flight.connected(ms)
    })
    took(false)
  } catch (error) {
    if (failureOf(error).retry === 'elsewhere' && !flight.signal.aborted) took(true)
    throw error
  }
}

function reportLater(state: State, ms: number): void {
  state.timer = setTimeout(() => reportNow(state), ms)
}

function reportNow(state: State): void {
  if (!state.ended) state.underWay ??= report(state)
}

async function report(state: State): Promise<void> {
  clearTimeout(state.timer)
  const until = AbortSignal.any([state.cut.signal, AbortSignal.timeout(REPORT_LIMIT_MS)])
  const answer = await state.api
    .tell<SessionAnswer>(PATH, bodyOf(state, 'progress'), until)
    .catch((error): SessionAnswer | null => (isRefused(error) ? null : {}))
  state.underWay = undefined
  state.ended ||= answer === null
  if (!state.ended) reportLater(state, (answer?.reportAfterSeconds ?? REPORT_SECONDS) * 1000)
}

async function reportEnd(state: State, error: Error | undefined): Promise<void> {
  const until = AbortSignal.timeout(LAST_LIMIT_MS)
  // What is told last must not overtake what was told before.
  const timer = setTimeout(() => state.cut.abort(), CURRENT_LIMIT_MS)
  await state.underWay
  clearTimeout(timer)
  const body = bodyOf(state, error ? 'fail' : 'complete')
  const errorMessage = error ? messageOf(error).slice(0, MESSAGE_LENGTH_MAX) : undefined
  await state.api.tell(PATH, { ...body, errorMessage }, until).catch(() => {})
}

function bodyOf(state: State, action: SessionReport['action']): SessionReport {
  const { sessionId, timings, edgesUsed, progress } = state
  state.timings = []
  return { action, sessionId, ...progress(), edgesUsed: [...edgesUsed], timings }
}

/** Whether the service will not hear of this session any more. */
function isRefused(error: unknown): boolean {
  const status = problemOf(error)?.status ?? 0
  return status >= 400 && status < 500 && status !== 429
}
