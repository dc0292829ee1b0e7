import { relaysFromText, relaysToText } from '../../client/known-relays.ts'
import type { UploadOptions } from '../../client/upload.ts'

const NAME = 'jetty.ways'

/** The relays that the service offered this browser last; none where it keeps nothing. */
export const ways: NonNullable<UploadOptions['ways']> = {
  known: async () => relaysFromText(localStorage.getItem(NAME) ?? '[]'),
  learn: (edges) => {
    try {
      localStorage.setItem(NAME, relaysToText(edges))
    } catch {
      // A browser that keeps nothing costs a few round trips next time.
    }
  },
}
