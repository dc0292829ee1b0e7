import { BlockList, isIP } from 'node:net'
import { env } from '../env.ts'
import { Problem } from '../problem.ts'

const URL_CHARS_MAX = 2048
/** '' is 443. */
const PORTS = ['', '8443']

/** Names that no public DNS answers (RFC 6761, 6762, 7686, 8375; `internal` is reserved by ICANN). */
const PRIVATE_NAMES = /(?:^|\.)(?:localhost|local|internal|home\.arpa|onion)$/

/** IANA's special-purpose registry for IPv4, multicast, class E, and Azure's metadata service at a public address. */
const SPECIAL_V4 = subnets('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
])

/**
 * Of IPv6 only global unicast is public. What lies outside, among it everything that wraps an IPv4 address (mapped,
 * compatible, NAT64), is refused as a whole.
 */
const GLOBAL_V6 = subnets('ipv6', ['2000::/3'])
/** Of that: protocol assignments with Teredo, documentation, 6to4, AS112. */
const SPECIAL_V6 = subnets('ipv6', [
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
])

/** Whether an IP address, as text, is one of the public Internet: unicast and for nobody's special purpose. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !SPECIAL_V4.check(address, 'ipv4')
  // A zone (fe80::1%eth0) makes an address one of this machine's links.
  if (isIP(address) !== 6 || address.includes('%')) return false
  return GLOBAL_V6.check(address, 'ipv6') && !SPECIAL_V6.check(address, 'ipv6')
}

/**
 * A URL that events may be sent to, as far as it says itself: https on 443 or 8443, no credentials, a name that the
 * Internet can know or a public address. The URL standard has made every spelling of an address one (`0x7f.1` is
 * 127.0.0.1). Hosts of EVENTS_ALLOWED_HOSTS may also speak plain HTTP, on any port or the listed one.
 *
 * @throws Problem `events-url-refused`
 */
export function parseEventUrl(text: string): URL {
  if (text.length > URL_CHARS_MAX) throw refused(`A URL has at most ${URL_CHARS_MAX} characters.`)
  if (!URL.canParse(text)) throw refused('This is not a URL.')
  const url = new URL(text)
  // In DNS a full stop at the end changes nothing; in certificates and lists of names it would.
  url.hostname = url.hostname.replace(/\.$/, '')
  url.hash = ''
  if (url.username !== '' || url.password !== '') throw refused('The URL has credentials in it.')
  if (isAllowedHost(url)) return url

  if (url.protocol !== 'https:') throw refused('Events are sent over https only.')
  if (!PORTS.includes(url.port)) throw refused('Events are sent to port 443 or 8443.')
  requirePublicHost(hostOf(url))
  return url
}

/** Whether the operator vouches for this host (EVENTS_ALLOWED_HOSTS: `host`, or `host:port`). */
export function isAllowedHost(url: URL): boolean {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return false
  const port = url.port === '' ? { 'https:': '443', 'http:': '80' }[url.protocol] : url.port
  const allowed = env.EVENTS_ALLOWED_HOSTS?.split(',') ?? []
  return allowed.includes(url.hostname) || allowed.includes(`${url.hostname}:${port}`)
}

/** The name or address of a URL, an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/** The refusal of an address, with what is wrong with it. */
export function refused(detail: string): Problem {
  return new Problem('events-url-refused', detail)
}

function requirePublicHost(host: string): void {
  if (isIP(host) !== 0) {
    if (!isPublicAddress(host)) throw refused(`${host} is not a public address.`)
    return
  }
  if (!host.includes('.') || PRIVATE_NAMES.test(host))
    throw refused(`${host} is not a name of the public Internet.`)
}

function subnets(family: 'ipv4' | 'ipv6', ranges: string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [net = '', bits] = range.split('/')
    list.addSubnet(net, Number(bits), family)
  }
  return list
}
