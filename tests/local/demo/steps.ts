import type { Far } from './far.ts'
import { type Fetched, jetty, type Service, type Uploaded } from './jetty.ts'
import { PUT_BYTES_MAX, plainPut } from './plain-put.ts'

const MIB = 1024 ** 2
/** One stream over the long way takes most of a minute for a default file: its beginning tells its rate. */
const PREFIX_BYTES = 16 * MIB
/** By then the stream's window is open. */
const SLOW_START_MS = 2_000
const SAMPLE_MS = 200

/** One line of the table. `bytes` is what `seconds` were spent on; sizes in bytes. */
export type Row = {
  step: string
  seconds: number
  bytes: number
  sent: number
  calls?: number
  paths?: Record<string, number>
}

export type Task = { file: string; size: number; signal: AbortSignal }

/** The plain stream at a distance: its first 16 MiB, and its rate once slow start is over (bits per second). */
export async function plainAtDistance(
  far: Far,
  { env, ...task }: Task & { env: Record<string, string> },
): Promise<{ row: Row; bitsPerSecond: number }> {
  const bytes = Math.min(task.size, PREFIX_BYTES)
  const samples: { atMs: number; bytesUp: number }[] = []
  const sampler = setInterval(
    () => void far.counts().then((counts) => samples.push(counts)),
    SAMPLE_MS,
  )
  const seconds = await plainPut({ ...task, env, origin: far.origin, bytes }).finally(() =>
    clearInterval(sampler),
  )
  const row = { step: 'plain PUT', seconds, bytes, sent: bytes }
  return { row, bitsPerSecond: steadyRate(samples) ?? (bytes * 8) / seconds }
}

/** The plain stream on bare loopback, whole; null where one PUT cannot take the file. */
export async function plainOnLoopback(
  task: Task & { env: Record<string, string>; origin: string },
): Promise<Row | null> {
  if (task.size > PUT_BYTES_MAX) return null
  const seconds = await plainPut({ ...task, bytes: task.size })
  return { step: 'plain PUT', seconds, bytes: task.size, sent: task.size }
}

/** An upload by the command line. */
export async function upload(
  step: string,
  service: Service,
  { file, size, signal, args = [] }: Task & { args?: string[] },
): Promise<{ row: Row; uploaded: Uploaded }> {
  const uploaded = await jetty<Uploaded>(service, ['upload', file, ...args], signal)
  const { duplicate, seconds, sentBytes, functionCalls, paths } = uploaded
  const bytes = duplicate ? 0 : size
  const row = { step, seconds, bytes, sent: sentBytes, calls: functionCalls, paths }
  return { row, uploaded }
}

/** A download by the command line. */
export async function download(
  service: Service,
  { fileId, to, size, signal }: { fileId: string; to: string; size: number; signal: AbortSignal },
): Promise<{ row: Row; fetched: Fetched }> {
  const fetched = await jetty<Fetched>(service, ['get', fileId, '-o', to], signal)
  const { seconds, functionCalls, paths } = fetched
  const row = { step: 'download', seconds, bytes: size, sent: 0, calls: functionCalls, paths }
  return { row, fetched }
}

/** Bits per second while bytes arrived, after slow start; null where that took too short. */
function steadyRate(samples: { atMs: number; bytesUp: number }[]): number | null {
  const [start] = samples
  const all = samples.at(-1)?.bytesUp ?? 0
  const steady = samples.filter(
    ({ atMs, bytesUp }) => start && atMs - start.atMs >= SLOW_START_MS && bytesUp < all,
  )
  const [first] = steady
  const last = steady.at(-1)
  if (!first || !last || last.atMs - first.atMs < SLOW_START_MS) return null
  return ((last.bytesUp - first.bytesUp) * 8_000) / (last.atMs - first.atMs)
}
