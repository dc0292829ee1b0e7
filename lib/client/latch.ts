/** Counts what is under way; `idle` resolves when nothing is, at once if nothing was. */
export type Latch = { begin: () => void; end: () => void; idle: () => Promise<void> }

export function createLatch(): Latch {
  let open = 0
  let waiting: (() => void)[] = []
  return {
    begin: () => {
      open += 1
    },
    end: () => {
      open -= 1
      if (open > 0) return
      for (const resolve of waiting) resolve()
      waiting = []
    },
    idle: () =>
      new Promise((resolve) => {
        if (open === 0) resolve()
        else waiting.push(resolve)
      }),
  }
}
