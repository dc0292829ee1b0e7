import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Admitted, admit, type Place } from './admit.ts'
import { type Budget, makeBudget } from './budget.ts'
import { ANSWER_HEADERS, answerPreflight } from './cors.ts'
import { type Exchange, forward } from './forward.ts'
import type { Origin } from './origin.ts'
import { type Refusal, refuse } from './refuse.ts'

/** What a relay has done since its start. `grants` is how many it keeps count of now; bytes are those of bodies. */
export type RelayStats = {
  activeRequests: number
  requests: number
  refused: number
  bytesUp: number
  bytesDown: number
  grants: number
}

/** The request side of a relay. */
export type Service = {
  onRequest: RequestListener
  /** For `Expect: 100-continue`: the client sends its body only once the request has been admitted. */
  onCheckContinue: RequestListener
  /** Whether an answer may have begun on this connection. */
  isBusy: (socket: Duplex) => boolean
  /** From now on each answer ends its connection. */
  close: () => void
  stats: () => RelayStats
}

/** Answers preflights and `/health` (which asks the origin when it was not heard of lately), forwards what is admitted and within its budget, refuses the rest. */
export function makeService(settings: Settings): Service {
  const state: State = {
    ...settings,
    startedAt: Date.now(),
    budget: makeBudget(),
    tally: { activeRequests: 0, requests: 0, refused: 0, bytesUp: 0, bytesDown: 0 },
    busy: new WeakSet(),
    isClosing: false,
  }
  return {
    onRequest: (incoming, outgoing) => answer(state, { incoming, outgoing, isWaiting: false }),
    onCheckContinue: (incoming, outgoing) => answer(state, { incoming, outgoing, isWaiting: true }),
    isBusy: (socket) => state.busy.has(socket),
    close() {
      state.isClosing = true
    },
    stats: () => ({ ...state.tally, grants: state.budget.size() }),
  }
}

type Settings = { place: Place; origin: Origin; version: string; stallMs: number }

type State = Settings & {
  startedAt: number
  budget: Budget
  tally: Omit<RelayStats, 'grants'>
  /** Connections with a request under way. */
  busy: WeakSet<Duplex>
  isClosing: boolean
}

/** `isWaiting`: the client holds its body back until it reads `100 Continue`. */
type Call = { incoming: IncomingMessage; outgoing: ServerResponse; isWaiting: boolean }

function answer(state: State, call: Call): void {
  const { incoming, outgoing } = call
  const { socket } = incoming
  state.tally.requests += 1
  incoming.on('error', () => undefined)
  if (state.isClosing) outgoing.setHeader('connection', 'close')
  // No client of a relay sends a second request before it has the answer to the first; smugglers do.
  if (state.busy.has(socket)) {
    outgoing.setHeader('connection', 'close')
    refuseCall(state, call, PIPELINED)
    return
  }
  state.busy.add(socket)
  state.tally.activeRequests += 1
  outgoing.once('close', () => {
    state.busy.delete(socket)
    state.tally.activeRequests -= 1
  })

  if (incoming.method === 'OPTIONS') answerPreflight(incoming, outgoing)
  else if (isHealth(incoming)) void answerHealth(state, outgoing)
  else pass(state, call)
}

function pass(state: State, call: Call): void {
  const now = Date.now() / 1000
  const { method = '', url = '', httpVersion, rawHeaders } = call.incoming
  const admitted = admit({ method, url, httpVersion, rawHeaders }, state.place, now)
  if ('refusal' in admitted) {
    refuseCall(state, call, admitted)
    return
  }
  const reservation = state.budget.reserve(admitted.grant, admitted.bodyBytes, now)
  if (reservation === null) refuseCall(state, call, overBudget(admitted))
  else send(state, call, { admitted, reservation })
}

function send(state: State, call: Call, what: Pick<Exchange, 'admitted' | 'reservation'>): void {
  const { incoming, outgoing, isWaiting } = call
  const { origin, stallMs, tally } = state
  const count = (bytesUp: number, bytesDown: number) => {
    tally.bytesUp += bytesUp
    tally.bytesDown += bytesDown
  }
  if (isWaiting) outgoing.writeContinue()
  origin.warm()
  forward({ incoming, outgoing, ...what }, { origin, stallMs, count })
}

function refuseCall(state: State, call: Call, refusal: Refusal): void {
  state.tally.refused += 1
  refuse(call.incoming, call.outgoing, refusal)
}

const PIPELINED: Refusal = {
  refusal: 'edge-refused',
  detail: 'A connection carries one request at a time.',
}

function overBudget({ bodyBytes }: Admitted): Refusal {
  return {
    refusal: 'grant-exceeded',
    detail: `What is left of the grant is less than the ${bodyBytes} bytes of this request.`,
  }
}

function isHealth({ method, url }: IncomingMessage): boolean {
  return url === '/health' && (method === 'GET' || method === 'HEAD')
}

/** A relay that does not reach its store, or takes no more, says so by its status, too: 503. */
async function answerHealth(state: State, outgoing: ServerResponse): Promise<void> {
  const isReachable = await state.origin.isReachable()
  if (outgoing.destroyed) return
  const running = isReachable ? 'ok' : 'degraded'
  const status = state.isClosing ? 'stopping' : running
  const body = JSON.stringify({
    id: state.place.id,
    status,
    version: state.version,
    origin: isReachable ? 'reachable' : 'unreachable',
    activeRequests: state.tally.activeRequests,
    uptimeSeconds: Math.floor((Date.now() - state.startedAt) / 1000),
  })
  outgoing.writeHead(status === 'ok' ? 200 : 503, {
    ...ANSWER_HEADERS,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  outgoing.end(body)
}
