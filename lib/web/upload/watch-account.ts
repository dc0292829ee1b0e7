import type { Api } from '../../client/api.ts'
import type { LiveUpload } from '../../client/wire.ts'

/** Devices that are watched report as often; asking sooner shows nothing new. */
const LOOK_EVERY_MS = 5_000
const SHOWN_MAX = 100

export type Watch = { look: () => void; stop: () => void }

/**
 * Looks every 5 s how the account's open uploads go, on all devices, while the page is to be seen. One call each; the newest
 * hundred.
 */
export function watchAccount(
  api: Api,
  show: (uploads: LiveUpload[]) => void,
  fail: (error: unknown) => void,
): Watch {
  let timer: ReturnType<typeof setTimeout> | undefined
  let looking = false
  let stopped = false

  async function look(): Promise<void> {
    clearTimeout(timer)
    if (stopped || looking) return
    if (document.visibilityState === 'visible') {
      looking = true
      await api
        .call<{ uploads: LiveUpload[] }>('GET', `/api/jetty/track-upload?limit=${SHOWN_MAX}`)
        .then(({ uploads }) => !stopped && show(uploads))
        .catch((error) => !stopped && fail(error))
      looking = false
    }
    if (!stopped) timer = setTimeout(look, LOOK_EVERY_MS)
  }

  const lookNow = () => void look()
  document.addEventListener('visibilitychange', lookNow)
  lookNow()
  return {
    look: lookNow,
    stop: () => {
      stopped = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', lookNow)
    },
  }
}
