/** How often a listener is told, and over how long the rate is taken, in ms. */
const TELL_EVERY_MS = 100
const RATE_WINDOW_MS = 5_000
const SAMPLE_EVERY_MS = 250

/**
 * `rate` is bytes sent per second over the last 5 s; `secondsLeft` is null while nothing moves. `sentBytes` went over the line,
 * manifests included; `copiedBytes`, which are done as well, the store took from other files.
 */
export type Progress = {
  bytesDone: number
  bytesTotal: number
  bytesHashed: number
  sentBytes: number
  copiedBytes: number
  filesDone: number
  filesTotal: number
  rate: number
  secondsLeft: number | null
  perPath: Record<string, number>
}

const NOTHING = {
  bytesDone: 0,
  bytesTotal: 0,
  bytesHashed: 0,
  sentBytes: 0,
  copiedBytes: 0,
  filesDone: 0,
  filesTotal: 0,
}

export type Meter = {
  /** More to do than known so far. */
  expect: (files: number, bytes: number) => void
  hashed: (bytes: number) => void
  /** Bytes over a path; negative when an attempt came to nothing. */
  moved: (routeId: string, bytes: number) => void
  /** Bytes that were there already, or that will never be sent. */
  skipped: (bytes: number) => void
  /** The store is asked to copy so many bytes, which the line need not carry; negative when it has answered. */
  copying: (bytes: number) => void
  /** Of those skipped, so many are copies. */
  copied: (bytes: number) => void
  /** Bytes that were sent, but are no file's. */
  sentBeside: (bytes: number) => void
  fileDone: () => void
  progress: () => Progress
}

/** Adds up what happens and tells a listener at most ten times a second; `clock` gives ms. */
export function createMeter(
  listener?: (progress: Progress) => void,
  clock: () => number = () => performance.now(),
): Meter {
  const totals = { ...NOTHING }
  const perPath: Record<string, number> = {}
  const rate = createRate()
  let toldAt = Number.NEGATIVE_INFINITY
  let copyingBytes = 0

  function progress(): Progress {
    const bytesPerSecond = rate.perSecond(clock())
    const left = Math.max(0, totals.bytesTotal - totals.bytesDone - copyingBytes)
    const secondsLeft = bytesPerSecond > 0 ? left / bytesPerSecond : null
    return { ...totals, rate: bytesPerSecond, secondsLeft, perPath: { ...perPath } }
  }

  function tell(): void {
    const now = clock()
    if (!listener || now - toldAt < TELL_EVERY_MS) return
    toldAt = now
    listener(progress())
  }

  const count = (name: keyof typeof totals) => (amount: number) => {
    totals[name] += amount
    tell()
  }

  return {
    expect: (files, bytes) => {
      totals.filesTotal += files
      totals.bytesTotal += bytes
    },
    hashed: count('bytesHashed'),
    moved: (routeId, bytes) => {
      totals.bytesDone += bytes
      perPath[routeId] = (perPath[routeId] ?? 0) + bytes
      rate.add(bytes, clock())
      count('sentBytes')(bytes)
    },
    skipped: count('bytesDone'),
    copying: (bytes) => {
      copyingBytes += bytes
    },
    copied: count('copiedBytes'),
    sentBeside: count('sentBytes'),
    fileDone: () => count('filesDone')(1),
    progress,
  }
}

type Rate = { add: (bytes: number, now: number) => void; perSecond: (now: number) => number }

function createRate(): Rate {
  const samples: { at: number; bytes: number }[] = []
  let startedAt: number | undefined

  function forget(now: number): void {
    while (samples[0] && now - samples[0].at > RATE_WINDOW_MS) samples.shift()
  }

  return {
    add: (bytes, now) => {
      startedAt ??= now
      const last = samples.at(-1)
      if (last && now - last.at < SAMPLE_EVERY_MS) last.bytes += bytes
      else samples.push({ at: now, bytes })
      forget(now)
    },
    perSecond: (now) => {
      forget(now)
      const bytes = samples.reduce((sum, sample) => sum + sample.bytes, 0)
      const elapsedMs = Math.min(RATE_WINDOW_MS, now - (startedAt ?? now))
      return elapsedMs > 0 ? Math.max(0, (bytes * 1000) / elapsedMs) : 0
    },
  }
}
