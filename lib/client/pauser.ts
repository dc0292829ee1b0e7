/** Lets a person hold a transfer and let it go on. */
export type Pauser = {
  pause: () => void
  resume: () => void
  isPaused: () => boolean
  /** Calls the listener after each change; gives what ends that. */
  onChange: (listener: () => void) => () => void
}

/**
 * A switch to hand to `uploadFiles`. A pause gives up what is under way at once, so at most one part for each connection is
 * sent again, and only answers are waited for; what is stored stays, and the upload itself lives for 7 days.
 */
export function createPauser(): Pauser {
  const listeners = new Set<() => void>()
  let paused = false

  function set(value: boolean): void {
    if (paused === value) return
    paused = value
    for (const listener of listeners) listener()
  }

  return {
    pause: () => set(true),
    resume: () => set(false),
    isPaused: () => paused,
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
