/** One way delays of the five relays from the client, in ms: round trips of 10, 15, 20, 25 and 30 ms. */
const EDGE_DELAYS_MS = [5, 7.5, 10, 12.5, 15]
/** The detour over a relay is this much longer, one way. */
const DETOUR_MS = 3
/** Functions and store stand a round trip of 1 ms apart. */
const CONTROL_DELAY_MS = 0.5
const JITTER_MS = 0.5
const RTT_MS = 165
const QUEUE = '1m'
/** What the client receives is never what limits it. */
const DOWNLINK = 'down=1000m downq=4m'
/** The seed of the losses. Timing decides as well, so it does not make two runs alike. */
const SEED = 11

/** The addresses of everything that takes part. */
export const ADDRESSES = {
  client: '10.77.0.1',
  origin: '10.77.0.2',
  control: '10.77.0.3',
  edges: EDGE_DELAYS_MS.map((_, at) => `10.77.0.1${at + 1}`),
}

/**
 * A network, as said by `UPLINK,accessLoss%,farLoss%,rttMs,queue,edge3,edgeToOrigin`: the last six may be left out. Access loss
 * falls on every path of the client, far loss on the one to the store alone. The last two are settings of paths
 * (emulator/config.c), separated by `;`.
 */
export type Link = {
  uplinkBitsPerSecond: number
  uplink: string
  accessLossPercent: number
  farLossPercent: number
  rttMs: number
  queue: string
  thirdEdge: string
  edgeToOrigin: string
}

/** @throws Error for a text that is no link */
export function parseLink(text: string): Link {
  const [uplink = '', accessLoss, farLoss, rtt, queue, thirdEdge, edgeToOrigin] = text.split(',')
  return {
    uplink,
    uplinkBitsPerSecond: bitsOf(uplink, text),
    accessLossPercent: numberIn(accessLoss || '0', text),
    farLossPercent: numberIn(farLoss || '0', text),
    rttMs: numberIn(rtt || String(RTT_MS), text),
    queue: queue || QUEUE,
    thirdEdge: settingsOf(thirdEdge),
    edgeToOrigin: settingsOf(edgeToOrigin),
  }
}

/**
 * The emulator's configuration. `client` are more settings of all the client's paths, such as `burst=4`. The client meets the
 * store and, as far away, the functions, and five relays nearby, each with a wide way of its own to both.
 */
export function configOf(link: Link, { prefix, client = '' }: { prefix: string; client?: string }) {
  const { uplink, queue, accessLossPercent: access, rttMs, thirdEdge, edgeToOrigin } = link
  const { origin, control, edges } = ADDRESSES
  const far = `delay=${rttMs / 2} jitter=${JITTER_MS} loss=${bothPercent(access, link.farLossPercent)}`
  const near = (delay: number, at: number) =>
    `path client edge${at + 1} delay=${delay} jitter=${JITTER_MS} loss=${access} ${client} ${at === 2 ? thirdEdge : ''}`
  const onward = (delay: number, at: number, to: string) =>
    `path edge${at + 1} ${to} delay=${rttMs / 2 - delay + DETOUR_MS} ${edgeToOrigin}`
  return [
    `prefix ${prefix}`,
    `seed ${SEED}`,
    `node client ${ADDRESSES.client} up=${uplink} upq=${queue} ${DOWNLINK}`,
    `node origin ${origin}`,
    `node control ${control}`,
    ...edges.map((ip, at) => `node edge${at + 1} ${ip}`),
    `path client origin ${far} ${client}`,
    `path client control ${far} ${client}`,
    `path control origin delay=${CONTROL_DELAY_MS}`,
    ...EDGE_DELAYS_MS.map(near),
    ...EDGE_DELAYS_MS.map((delay, at) => onward(delay, at, 'origin')),
    ...EDGE_DELAYS_MS.map((delay, at) => onward(delay, at, 'control')),
  ]
    .map((line) => line.trim().replace(/ +/g, ' '))
    .join('\n')
    .concat('\n')
}

/** Of IP packets of 1,500 bytes, HTTP over TCP carries at most so much. */
const PAYLOAD_SHARE = 0.965

/** No client can be faster than this, in seconds. */
export function limitSeconds(bytes: number, link: Link): number {
  return (bytes * 8) / (PAYLOAD_SHARE * link.uplinkBitsPerSecond)
}

/** The round trips of client and relays, in ms. */
export function edgeRoundTripsMs(): number[] {
  return EDGE_DELAYS_MS.map((delay) => 2 * delay)
}

function bitsOf(text: string, whole: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kmg]?)$/.exec(text) ?? []
  if (digits === undefined) throw notALink(whole)
  return Number(digits) * { '': 1, k: 1e3, m: 1e6, g: 1e9 }[unit as '' | 'k' | 'm' | 'g']
}

function numberIn(text: string, whole: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw notALink(whole)
  return value
}

function settingsOf(text = ''): string {
  return text.replaceAll(';', ' ')
}

/** A packet gets through where neither loses it. */
function bothPercent(a: number, b: number): number {
  return Number((100 * (1 - (1 - a / 100) * (1 - b / 100))).toFixed(6))
}

function notALink(text: string): Error {
  return new Error(`${text} is no link: expected something like 300m,0.03,0,165,1500k`)
}
