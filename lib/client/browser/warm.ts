import type { Connector } from '../upload.ts'

/**
 * Opens connections to a relay that parts then find open: browsers keep them by host, for requests without credentials. The
 * answers are nobody's concern. There is no `ping`: with all of a host's connections busy it would wait for one.
 */
export const browserConnector: Connector = {
  warm: async (url, connections) => {
    const health = new URL('/health', url)
    const ask = () => fetch(health, { mode: 'no-cors', credentials: 'omit', cache: 'no-store' })
    await Promise.allSettled(Array.from({ length: connections }, ask))
  },
}
