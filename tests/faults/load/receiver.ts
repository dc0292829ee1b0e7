import { createServer, type IncomingHttpHeaders } from 'node:http'
import { verifyWebhook } from '../../../lib/webhooks/standard.ts'
import { readBody } from '../../local/body.ts'
import { closeServer, listen } from '../../local/listen.ts'
import { type Random, randomFrom } from './random.ts'

const BODY_BYTES_MAX = 1_000_000
const REFUSED = 0.05

/** Where the customers of some accounts want to be told of events; it fails now and then. */
export type Receiver = {
  /** `host:port`, for EVENTS_ALLOWED_HOSTS. */
  host: string
  addressOf(userId: string): string
  /** With what the messages of a user are signed. */
  expect(userId: string, secret: string): void
  /** Ids of messages that were accepted. */
  accepted: Set<string>
  counts: { refused: number; repeated: number; forged: number }
  /** From now on it accepts everything. */
  recover(): void
  stop(): Promise<void>
}

export async function startReceiver(seed: number): Promise<Receiver> {
  const random: Random = randomFrom(seed)
  const secrets = new Map<string, string>()
  const accepted = new Set<string>()
  const counts = { refused: 0, repeated: 0, forged: 0 }
  let isWell = false
  const accept = (path: string, headers: IncomingHttpHeaders, body: Buffer): number => {
    const given = new Headers()
    for (const [name, value] of Object.entries(headers)) given.set(name, String(value))
    const message = verifyWebhook(given, body, [secrets.get(path.slice(1)) ?? ''])
    if (message === null) {
      counts.forged += 1
      return 401
    }
    if (!isWell && random.chance(REFUSED)) {
      counts.refused += 1
      return 500
    }
    if (accepted.has(message.id)) counts.repeated += 1
    accepted.add(message.id)
    return 204
  }
  const server = createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming, BODY_BYTES_MAX).catch(() => null)
    outgoing.writeHead(body ? accept(incoming.url ?? '/', incoming.headers, body) : 413).end()
  })
  const host = `127.0.0.1:${await listen(server)}`
  return {
    host,
    accepted,
    counts,
    addressOf: (userId) => `http://${host}/${userId}`,
    expect: (userId, secret) => secrets.set(userId, secret),
    recover: () => {
      isWell = true
    },
    stop: () => closeServer(server),
  }
}
