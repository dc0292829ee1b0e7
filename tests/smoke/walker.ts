import type { Caller } from './ask.ts'
import type { Steps } from './steps.ts'
import type { Target } from './target.ts'

/** Who walks, and what is to be taken away when the walk is over. */
export type Walker = {
  target: Target
  call: Caller
  steps: Steps
  signal: AbortSignal
  userId: string
  left: { isAsked: boolean; apiKey: string | null; fileIds: string[] }
}
