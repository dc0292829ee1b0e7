import { messageOf } from '../../lib/client/failure.ts'

/** What became of a step; `detail` says what was seen, or why it failed. */
export type Step = { name: string; state: 'ok' | 'failed' | 'left out'; ms: number; detail: string }

export type Steps = {
  all: Step[]
  /** Runs a step and gives what it found; what it says of it is the second of the pair. */
  run: <T>(name: string, body: () => Promise<[found: T, detail: string]>) => Promise<T>
  leaveOut: (name: string, why: string) => void
}

/** Keeps what became of each step and tells it at once; the first that fails ends the walk by its error. */
export function createSteps(onStep: (step: Step) => void): Steps {
  const all: Step[] = []
  const add = (step: Step) => {
    all.push(step)
    onStep(step)
  }
  return {
    all,
    leaveOut: (name, why) => add({ name, state: 'left out', ms: 0, detail: why }),
    async run(name, body) {
      const begun = performance.now()
      const ms = () => Math.round(performance.now() - begun)
      try {
        const [found, detail] = await body()
        add({ name, state: 'ok', ms: ms(), detail })
        return found
      } catch (error) {
        add({ name, state: 'failed', ms: ms(), detail: messageOf(error) })
        throw error
      }
    },
  }
}

/** @throws Error that says what is not as promised */
export function expectThat(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise)
}

/** One line of the table. */
export function lineOf({ name, state, ms, detail }: Step): string {
  const mark = { ok: 'ok    ', failed: 'FAILED', 'left out': '-     ' }[state]
  const time = state === 'left out' ? '' : `${ms} ms`
  return `${mark}  ${name.padEnd(26)}${time.padStart(9)}  ${detail}`
}
