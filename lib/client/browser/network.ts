/**
 * What a browser knows of its network. Offline is certain; online means only that there is some network, so paths may
 * fail all the same.
 */
export const browserNetwork = {
  isOnline: (): boolean => navigator.onLine,
  /** Tells each time the network is back; what it gives back ends that. */
  onOnline: (listener: () => void): (() => void) => {
    addEventListener('online', listener)
    return () => removeEventListener('online', listener)
  },
}
