import { appendFileSync, readFileSync } from 'node:fs'

/** More packets than this handed over a millisecond late or later, in percent: the machine was too busy for the figures to count. */
export const LATE_PERCENT_MAX = 3

/** One run of one way, a line of the record file. Sizes are bytes; what a way does not tell is not there. */
export type RunRecord = {
  at: string
  scenario: string
  link: string
  fileBytes: number
  way: string
  round: number
  /** From the first call or request to the last answer; of programs that are timed from outside, the whole run. */
  seconds: number
  /** From the first byte of a part to the last part stored. */
  transferSeconds?: number
  hashSeconds?: number
  /** Of the process, start and end included. */
  wallSeconds: number
  cpuSeconds: number
  /** From the start of the upload on, hashing included. */
  workCpuSeconds?: number
  memoryBytes: number
  /** Of part bodies that connections took. */
  sentBytes?: number
  /** Of whole packets on the client's line. */
  lineBytes: number
  lost: number
  tailDrops: number
  perPath?: Record<string, number>
  functionCalls?: number
  troubles?: string[]
  /** Round trips of other traffic, in ms: without the upload, and during it. */
  waiting?: { idleMs: number; medianMs: number; p95Ms: number }
  latePercent: number
  lateMeanUs: number
  emulatorCpuShare: number
  storeCpuSeconds: number
  /** Of the machine's cores over the run, in percent: near 0 everything waited for everything. */
  idlePercent: number
  load: number
  error?: string
  machine: { cpu: string; cores: number; kernel: string; node: string; congestion: string }
}

export function appendRecord(file: string, record: RunRecord): void {
  appendFileSync(file, `${JSON.stringify(record)}\n`)
}

export function readRecords(file: string): RunRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

/** Whether a run's figures count. */
export function counts({ error, latePercent }: RunRecord): boolean {
  return error === undefined && latePercent <= LATE_PERCENT_MAX
}
