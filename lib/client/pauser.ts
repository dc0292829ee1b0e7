/** Stops and goes on with whatever it was given to, as often as a person likes. */
export type Pauser = {
  pause: () => void
  resume: () => void
  isPaused: () => boolean
  /** Tells of each change from now on; what it gives back ends that. */
  onChange: (listener: () => void) => () => void
}

/** A pauser that is not paused. Asking for the state it has already tells nobody. */
export function createPauser(): Pauser {
  const listeners = new Set<() => void>()
  let paused = false

  function set(wanted: boolean): void {
    if (paused === wanted) return
    paused = wanted
    for (const listener of [...listeners]) listener()
  }

  return {
    pause: () => set(true),
    resume: () => set(false),
    isPaused: () => paused,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
