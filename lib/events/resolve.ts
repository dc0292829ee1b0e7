import { type LookupAddress, promises } from 'node:dns'
import { isIP } from 'node:net'
import { orLeave } from '../concurrency.ts'
import { Problem } from '../problem.ts'
import { hostOf, isAllowedHost, isPublicAddress, parseEventUrl, refused } from './address.ts'

/** Provisioning answers within 3 s; a slow name server does not change what may be sent later. */
const ASK_AT_SETTING_MS = 1000

/** How a name becomes addresses; the system's own way unless a test brings another. */
export type Resolve = (name: string) => Promise<LookupAddress[]>

export const resolveBySystem: Resolve = (name) => promises.lookup(name, { all: true })

/**
 * The addresses that a URL's host stands for now, all of them public (or vouched for). Who connects uses these and asks
 * nobody again: between a check and a second question an answer may change.
 *
 * @throws Problem `events-url-refused` where one of them is not public; the resolver's error where there are none
 */
export async function resolvePublic(url: URL, resolve = resolveBySystem): Promise<LookupAddress[]> {
  const host = hostOf(url)
  const family = isIP(host)
  const addresses = family === 0 ? await resolve(host) : [{ address: host, family }]
  if (!isAllowedHost(url) && !addresses.every(({ address }) => isPublicAddress(address)))
    throw refused(`${host} leads to a private address.`)
  return addresses
}

/**
 * An address that a customer gave, as it is kept. A name that nobody knows yet, or that is slow to resolve, is taken: every
 * delivery checks again.
 *
 * @throws Problem `events-url-refused`
 */
export async function requireEventUrl(text: string, resolve = resolveBySystem): Promise<string> {
  const url = parseEventUrl(text)
  const asked = resolvePublic(url, resolve).catch((error: unknown) => {
    if (error instanceof Problem) throw error
    return null
  })
  await orLeave(asked, ASK_AT_SETTING_MS)
  return url.href
}
