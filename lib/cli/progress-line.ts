import type { Progress } from '../client/progress.ts'
import { note, showBytes, showSeconds } from './output.ts'

/** How often a line is written where there is no terminal to rewrite it on, in ms. */
const PLAIN_EVERY_MS = 5_000

export type ProgressLine = { show: (progress: Progress) => void; clear: () => void }

/** A line on stderr that is rewritten on a terminal; elsewhere a plain line every 5 s. */
export function createProgressLine(quiet = false): ProgressLine {
  if (quiet) return { show: () => {}, clear: () => {} }
  return process.stderr.isTTY ? terminalLine() : plainLines()
}

function terminalLine(): ProgressLine {
  return {
    show: (progress) => {
      const width = process.stderr.columns || 80
      process.stderr.write(`\r\u001b[K${describe(progress).slice(0, width - 1)}`)
    },
    clear: () => process.stderr.write('\r\u001b[K'),
  }
}

function plainLines(): ProgressLine {
  let shownAt = performance.now()
  return {
    show: (progress) => {
      if (performance.now() - shownAt < PLAIN_EVERY_MS) return
      shownAt = performance.now()
      note(describe(progress))
    },
    clear: () => {},
  }
}

/** `45%  450.0 MiB of 1.0 GiB  98.2 MiB/s  5.6 s left  3 of 12 files`; hashing and an outage have no rate. */
export function describe(progress: Progress): string {
  const { bytesDone, bytesTotal, bytesHashed, filesDone, filesTotal, rate, secondsLeft } = progress
  const percent = bytesTotal > 0 ? Math.floor((bytesDone / bytesTotal) * 100) : 100
  const files = filesTotal > 1 ? [`${filesDone} of ${filesTotal} files`] : []
  if (bytesDone === 0 && bytesHashed > 0) {
    return [`hashing ${showBytes(bytesHashed)} of ${showBytes(bytesTotal)}`, ...files].join('  ')
  }
  const left =
    secondsLeft === null || bytesDone >= bytesTotal ? [] : [`${showSeconds(secondsLeft)} left`]
  return [
    `${percent}%`,
    `${showBytes(bytesDone)} of ${showBytes(bytesTotal)}`,
    rate > 0 || bytesDone >= bytesTotal
      ? `${showBytes(Math.round(rate))}/s`
      : 'waiting for the network',
    ...left,
    ...files,
  ].join('  ')
}
