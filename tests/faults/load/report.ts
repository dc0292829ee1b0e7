import type { LoadResult } from './run.ts'

const MIB = 1024 * 1024

/** The result of a load run as text, a line each; the last says how many checks were kept. */
export function reportOf(result: LoadResult): string[] {
  const { checks, objections, calls, lastedSeconds, watched, bytes, loadAverage } = result
  const kept = checks.filter(({ isKept }) => isKept).length
  return [
    '',
    ...tableOf(result),
    '',
    `${calls} calls by ${result.clients} clients in ${lastedSeconds.toFixed(1)} s: ${(calls / lastedSeconds).toFixed(0)} a second; seed ${result.seed}`,
    `${mib(bytes.sent)} MiB sent, ${mib(bytes.received)} MiB received`,
    `requests of the functions and part PUTs through the proxies: ${listed(result.proxied)}`,
    ...Object.entries(result.faults).map(
      ([service, kinds]) => `faults, ${service}: ${listed(kinds)}`,
    ),
    `memory of the functions: ${mib(watched.memory.first)} MiB at first, ${mib(watched.memory.most)} at most, ${mib(watched.memory.last)} at last`,
    `lag of this process (clients, proxies, fronts of PostgreSQL and Redis): p50 ${watched.lagMs.p50} ms, p99 ${watched.lagMs.p99}, at most ${watched.lagMs.max}`,
    `load average ${loadAverage.before.toFixed(1)} before, ${loadAverage.after.toFixed(1)} after; verified in ${result.verifiedSeconds.toFixed(1)} s`,
    `logged by the functions: ${listed(result.logged)}`,
    ...Object.entries(result.causes).map(([cause, count]) => `  ${count} × ${cause}`),
    '',
    ...checks.map(({ isKept, name, says }) => `${isKept ? 'ok    ' : 'FAILED'} ${name}: ${says}`),
    ...objections.map((text) => `       ${text}`),
    '',
    `${kept} passed, ${checks.length - kept} failed`,
  ]
}

/** The calls as a table that a document can take over. */
export function tableOf({ rows }: Pick<LoadResult, 'rows'>): string[] {
  const cells = rows.map(({ call, count, p50, p95, p99, statuses }) =>
    [call, count, p50, p95, p99, listed(statuses)].map(String),
  )
  const head = ['call', 'count', 'p50 ms', 'p95', 'p99', 'statuses']
  const lines = [head, ...cells]
  const widths = head.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  const written = lines.map(
    (line) => `| ${line.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`,
  )
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [...written.slice(0, 1), rule, ...written.slice(1)]
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0)
}
