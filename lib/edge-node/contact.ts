/** How long an answer stands for how it is now, and a check that failed. */
const HEARD_MS = 10_000
const FAILED_MS = 2_000
/** Whoever asks a relay how it is waits for 3 s. */
const CHECK_TIMEOUT_MS = 2_000

/** Whether somebody answers, as known from the questions that are asked anyway. */
export type Contact = {
  /** Asks a question and learns from it. */
  ask: (timeoutMs: number) => Promise<boolean>
  /** As of the last seconds; where that is not known, or the last question failed, one is asked now, for up to 2 s. */
  isReachable: () => Promise<boolean>
}

/** Watches what becomes of questions. However many ask whether there is contact, one question is under way. */
export function watchContact(question: (timeoutMs: number) => Promise<boolean>): Contact {
  const at = { answered: 0, failed: 0, checkFailed: 0 }
  let checking: Promise<boolean> | undefined

  const ask = async (timeoutMs: number) => {
    const isAnswered = await question(timeoutMs)
    at[isAnswered ? 'answered' : 'failed'] = Date.now()
    return isAnswered
  }
  const check = async () => {
    const isAnswered = await ask(CHECK_TIMEOUT_MS)
    if (!isAnswered) at.checkFailed = Date.now()
    checking = undefined
    return isAnswered
  }
  return {
    ask,
    async isReachable() {
      const now = Date.now()
      if (at.answered > at.failed && now - at.answered < HEARD_MS) return true
      if (at.checkFailed > at.answered && now - at.checkFailed < FAILED_MS) return false
      checking ??= check()
      return await checking
    },
  }
}
