/** Where @vercel/functions looks for the platform. */
const CONTEXT = Symbol.for('@vercel/request-context')

/**
 * Gives `waitUntil` of @vercel/functions a platform: work that goes on after a response.
 *
 * @returns a promise, on demand, that everything handed over so far has ended
 */
export function backgroundWork(): { settled(): Promise<void> } {
  const running = new Set<Promise<unknown>>()
  const waitUntil = (work: Promise<unknown>) => {
    const ended = work.catch((error) => console.error(error)).finally(() => running.delete(ended))
    running.add(ended)
  }
  Object.defineProperty(globalThis, CONTEXT, {
    configurable: true,
    value: { get: () => ({ waitUntil }) },
  })
  return {
    async settled() {
      while (running.size) await Promise.all(running)
    },
  }
}
