import { setTimeout as sleep } from 'node:timers/promises'
import { layoutOf } from '../../../lib/content/layout.ts'
import type { Far } from './far.ts'
import { type Service, startJetty } from './jetty.ts'
import { type Row, type Task, upload } from './steps.ts'

const WATCH_MS = 20
/** Nothing new on the way for so long: what a killed process left in buffers has arrived. */
const QUIET_MS = 500
/** What is under way at a kill is lost: so many connections, for each part, keep that below a tenth of the file. */
const CONNECTIONS_PER_PART = 0.09
const REPEATED_MAX = 0.1
const PARTS_LARGE = 12
/** Request lines and headers are counted on the way, too. */
const HEADER_BYTES_MAX = 64 * 1024

/**
 * Kills an upload with SIGKILL when half of the file has arrived, and says the same again. Bytes are counted on the way,
 * not by the client.
 */
export async function killAndResume(far: Far, service: Service, task: Task) {
  const { partCount, partSize } = layoutOf(task.size)
  const connections = Math.max(1, Math.floor(partCount * CONNECTIONS_PER_PART))
  const args = ['--connections', String(connections)]
  const before = (await far.counts()).bytesUp
  const sentSoFar = async () => (await far.counts()).bytesUp - before

  const began = performance.now()
  const wasKilled = await killAt(task.size / 2, sentSoFar, () =>
    startJetty(service, ['upload', task.file, ...args]),
  )
  const seconds = (performance.now() - began) / 1000
  task.signal.throwIfAborted()
  const sent = await untilQuiet(sentSoFar)
  const killed: Row = { step: 'killed at half', seconds, bytes: sent, sent }

  const { row, uploaded } = await upload('resumed', service, { ...task, args })
  const resumed = { ...row, bytes: row.sent }
  const isLarge = partCount >= PARTS_LARGE
  return {
    killed,
    resumed,
    uploaded,
    wasKilled,
    connections,
    sentInAll: await untilQuiet(sentSoFar),
    sentMax: isLarge ? (1 + REPEATED_MAX) * task.size : task.size + partSize + HEADER_BYTES_MAX,
    promise: isLarge
      ? 'killed and resumed, less than 1.1 times the file was sent'
      : 'killed and resumed, at most one part was sent twice',
  }
}

/** Whether it was killed; false when it came to its end before that. */
async function killAt(
  bytes: number,
  sentSoFar: () => Promise<number>,
  start: () => ReturnType<typeof startJetty>,
): Promise<boolean> {
  const { process: child, result } = start()
  const ended = result.then(
    () => true,
    () => true,
  )
  while ((await sentSoFar()) < bytes) {
    if (await Promise.race([ended, sleep(WATCH_MS, false)])) break
  }
  child.kill('SIGKILL')
  await ended
  return child.signalCode === 'SIGKILL'
}

async function untilQuiet(count: () => Promise<number>): Promise<number> {
  for (let last = await count(); ; ) {
    await sleep(QUIET_MS)
    const now = await count()
    if (now === last) return now
    last = now
  }
}
