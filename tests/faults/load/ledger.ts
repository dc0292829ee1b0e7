import type { Service, Span } from './faults.ts'

const SAMPLES_MAX = 12

/** What came back of one call; `status` 0: nothing did. */
export type Came = Span & {
  name: string
  status: number
  /** Slugs of all refusals in the answer, those of a batch's members too. */
  slugs: string[]
  requestId: string
  why: string
}

export type Ledger = {
  add(came: Came, allowed: readonly string[]): void
  /** Notes something that must not be; it is printed and fails the run. */
  object(what: string): void
  rows(): Row[]
  totals(): Totals
  objections(): string[]
}

/** One line of the table. Milliseconds; percentiles by nearest rank. */
export type Row = {
  call: string
  count: number
  p50: number
  p95: number
  p99: number
  statuses: Record<string, number>
}

export type Totals = {
  calls: number
  failed: { injected: number; unexplained: number }
  cut: { injected: number; unexplained: number }
  unexpected: number
}

type Explain = (span: Span, services: readonly Service[]) => boolean

/** Refusals that any call may meet. Whether a key should have been accepted is judged where it is known. */
const ALWAYS = ['rate-limited', 'unauthorized']

/**
 * Takes down every call. An answer of 500 and more, also of one member of a batch, or none at all, has to be explained by a
 * fault that fell into its time and hit the database or the store; nothing is explained by Redis, which everything does without.
 */
export function openLedger(explain: Explain): Ledger {
  const times = new Map<string, number[]>()
  const statuses = new Map<string, Record<string, number>>()
  const totals: Totals = {
    calls: 0,
    failed: { injected: 0, unexplained: 0 },
    cut: { injected: 0, unexplained: 0 },
    unexpected: 0,
  }
  const objections: string[] = []
  const object = (what: string) => {
    totals.unexpected += 1
    if (objections.length < SAMPLES_MAX) objections.push(what)
  }

  const judge = (came: Came, allowed: readonly string[]) => {
    const { name, status, slugs, why, requestId, begun, ended } = came
    const isCut = status === 0
    const hasFailed = status >= 500 || slugs.some((slug) => slug.startsWith('5'))
    if (isCut || hasFailed) {
      const services = name.startsWith('store ') ? (['s3'] as const) : (['sql', 's3'] as const)
      // A cut call to the functions is never a proxy's doing: those stand behind them.
      const isExplained = explain(came, isCut && !name.startsWith('store ') ? [] : services)
      totals[isCut ? 'cut' : 'failed'][isExplained ? 'injected' : 'unexplained'] += 1
      if (isExplained) return
      const ms = Math.round(ended - begun)
      const text = `${name}: ${status} ${slugs.join(' ')} ${why} (${ms} ms, request ${requestId})`
      if (objections.length < SAMPLES_MAX) objections.push(text)
      return
    }
    const unknown = slugs.filter((slug) => ![...ALWAYS, ...allowed].includes(slug))
    if (
      unknown.length > 0 ||
      (status >= 400 && slugs.length === 0 && !allowed.includes(`${status}`))
    )
      object(`${name}: ${status} ${unknown.join(' ')} ${why}`)
  }

  return {
    object,
    objections: () => objections,
    totals: () => totals,
    add(came, allowed) {
      const { name, status, begun, ended } = came
      totals.calls += 1
      append(times, name, ended - begun)
      const ofCall = statuses.get(name) ?? {}
      ofCall[status || 'cut'] = (ofCall[status || 'cut'] ?? 0) + 1
      statuses.set(name, ofCall)
      judge(came, allowed)
    },
    rows: () =>
      [...times]
        .map(([call, of]) => rowOf(call, of, statuses.get(call) ?? {}))
        .sort((a, b) => a.call.localeCompare(b.call)),
  }
}

function rowOf(call: string, times: number[], statuses: Record<string, number>): Row {
  const sorted = times.sort((a, b) => a - b)
  const at = (percent: number) =>
    Math.round(sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? 0)
  return {
    call,
    count: sorted.length,
    p50: at(50),
    p95: at(95),
    p99: at(99),
    statuses: { ...statuses },
  }
}

function append(lists: Map<string, number[]>, name: string, value: number): void {
  const list = lists.get(name)
  if (list) list.push(value)
  else lists.set(name, [value])
}
