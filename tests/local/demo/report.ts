import type { Check } from './checks.ts'
import type { GivenFile } from './given-file.ts'
import type { Measured } from './measure.ts'
import { describeProfile } from './profile.ts'
import { bitsPerSecond, table } from './table.ts'

const MILLION = 1_000_000

/** The ratio of the two rates that were measured under the emulated distance. */
export function ratioOf({ emulated }: Measured): number {
  return bitsPerSecond(emulated.up.row) / emulated.plain.bitsPerSecond
}

/** What a run measured, for people. */
export function report(given: GivenFile, measured: Measured): string[] {
  const { emulated, interrupted, raw, functions } = measured
  const { plain, up, down } = emulated
  const { killed, resumed, sentInAll, again } = interrupted
  return [
    `${given.shown}: ${mb(given.size)}`,
    '',
    ...describeProfile(),
    '',
    ...table([plain.row, up.row, down.row], 'Mbit/s'),
    ...prefixLines(measured, given.size),
    ...(given.size > 0
      ? [`  ratio (emulated): ${ratioOf(measured).toFixed(1)} times the rate of the plain stream.`]
      : []),
    '  It comes from many connections over shorter ways; where one stream fills the line there is nothing to gain.',
    `  Steps of the emulation were ${measured.lateMs.toFixed(1)} ms late on average; rates are lower where the machine is busy.`,
    '',
    'The same without distance, bare loopback:',
    ...table([...(raw.plain ? [raw.plain] : []), raw.up.row], 'MB/s'),
    '  Here hashing, relays and store share the cores of one machine, and there is no distance to gain from.',
    ...(raw.plain ? [] : ['  One PUT takes 5 GiB at most; there is no plain stream of this file.']),
    '',
    `Killed with SIGKILL, the same command again, then once more under another name (emulated distance, ${interrupted.connections} ${interrupted.connections === 1 ? 'connection' : 'connections'}):`,
    ...table([killed, resumed, again.row], 'Mbit/s'),
    sentLine(sentInAll, given.size),
    '',
    `Functions: ${functions.processes} processes, ${mb(functions.memory)} of memory together; ${functions.calls} calls, ${mb(functions.traffic)} in and out, databases included.`,
  ]
}

/** The checks of a run, and the count of them. */
export function verdict(checks: Check[], seconds: number): string[] {
  const failed = checks.filter(({ kept }) => !kept).length
  return [
    ...checks.map(({ promise, kept }) => `  ${kept ? 'ok    ' : 'FAILED'}  ${promise}`),
    `Took ${seconds.toFixed(0)} s.`,
    `${checks.length - failed} passed, ${failed} failed`,
  ]
}

function sentLine(sent: number, size: number): string {
  // Below that, request lines and headers are most of it.
  const times = size < MILLION ? '' : `, ${(sent / size).toFixed(3)} times the file`
  return `  sent in all, counted on the way with all headers: ${mb(sent)}${times}; then a clone, without a byte.`
}

function prefixLines({ emulated }: Measured, size: number): string[] {
  const { row, bitsPerSecond: rate } = emulated.plain
  if (row.bytes === size) return []
  return [
    `  The plain PUT was the file's first ${mb(row.bytes)}; the ratio takes its rate after slow start, ${(rate / MILLION).toFixed(1)} Mbit/s.`,
  ]
}

function mb(bytes: number): string {
  return `${(bytes / MILLION).toFixed(1)} MB`
}
