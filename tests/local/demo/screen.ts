const TICK_MS = 250
const CLEAR_LINE = '\r\u001b[K'

export type Screen = {
  say(line?: string): void
  /** Shows that something goes on: on a terminal by a line that is rewritten, elsewhere by one line. */
  during<T>(what: string, work: () => Promise<T>): Promise<T>
}

/** Where people read along; stderr when stdout is for a program. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  const say = (line = '') => void stream.write(`${line}\n`)
  return {
    say,
    async during(what, work) {
      const began = performance.now()
      const tick = () => {
        const seconds = ((performance.now() - began) / 1000).toFixed(0)
        stream.write(`${CLEAR_LINE}  ${what} ... ${seconds} s`)
      }
      if (!stream.isTTY) say(`- ${what}`)
      const timer = stream.isTTY ? setInterval(tick, TICK_MS) : undefined
      try {
        return await work()
      } finally {
        clearInterval(timer)
        if (stream.isTTY) stream.write(CLEAR_LINE)
      }
    },
  }
}
