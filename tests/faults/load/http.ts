import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import type { Came, Ledger } from './ledger.ts'

const IDLE_MS_MAX = 2_000
/** Functions are stopped after 60 s; one that takes half of that, with services that answer or fail at once, hangs. */
const ANSWER_MS_MAX = 30_000

export type Answer = Came & {
  /** Parsed when it is JSON, else null. */
  // biome-ignore lint/suspicious/noExplicitAny: clients look into answers
  body: any
  bytes: Buffer
  headers: IncomingHttpHeaders
}

export type Wish = {
  /** What the call is called in the table. */
  name: string
  method: string
  url: string
  headers?: Record<string, string>
  body?: Buffer | string
  /** Refusals that may come; others below 500 are unexpected. */
  allowed?: readonly string[]
  /** Leaves in the middle of the body. */
  isAbandoned?: boolean
}

export type Sender = {
  send(wish: Wish): Promise<Answer>
  bytes: { sent: number; received: number }
  close(): void
}

/** Sends requests over connections that are kept, and takes each down in the ledger. Never throws. */
export function openSender(ledger: Ledger): Sender {
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS_MAX, scheduling: 'lifo' })
  const bytes = { sent: 0, received: 0 }
  return {
    bytes,
    close: () => agent.destroy(),
    async send(wish) {
      const { name, allowed = [] } = wish
      const begun = performance.now()
      const got = await exchange(wish, agent).catch((error: unknown) => gone(error))
      bytes.sent += Buffer.byteLength(wish.body ?? '')
      bytes.received += got.bytes.length
      const body = parsed(got.headers['content-type'], got.bytes)
      const slugs = slugsIn(body)
      const requestId = String(got.headers['x-request-id'] ?? '-')
      const why = got.why || String(body?.detail ?? '')
      const ended = performance.now()
      const came = { ...got, begun, ended, name, slugs, requestId, why, body }
      if (ended - begun >= ANSWER_MS_MAX) ledger.object(`${name}: ${why}`)
      if (!wish.isAbandoned) ledger.add(came, allowed)
      return came
    },
  }
}

type Got = Pick<Answer, 'status' | 'headers' | 'bytes' | 'why'>

async function exchange({ method, url, headers, body, isAbandoned }: Wish, agent: Agent) {
  return await new Promise<Got>((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const outgoing = request(url, { method, agent, headers: { ...headers, ...length } })
    const timer = setTimeout(
      () => outgoing.destroy(new Error('no answer within 30 s')),
      ANSWER_MS_MAX,
    )
    outgoing.once('response', (incoming) => {
      const pieces: Buffer[] = []
      incoming.on('data', (piece) => pieces.push(piece))
      incoming.once('error', reject)
      incoming.once('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          bytes: Buffer.concat(pieces),
          why: '',
        }),
      )
    })
    outgoing.once('error', reject)
    outgoing.once('close', () => clearTimeout(timer))
    if (!isAbandoned || body === undefined) return void outgoing.end(body)
    outgoing.write(body.slice(0, Math.floor(body.length / 2)), () => outgoing.destroy())
  })
}

function gone(error: unknown): Got {
  const why = error instanceof Error ? error.message : String(error)
  return { status: 0, headers: {}, bytes: Buffer.alloc(0), why }
}

function parsed(type: string | undefined, bytes: Buffer) {
  return /[/+]json\b/.test(type ?? '') && bytes.length > 0 ? JSON.parse(bytes.toString()) : null
}

/** The slugs of an answer's refusals; one of 500 and more has its status before it. */
function slugsIn(body: Answer['body']): string[] {
  const members = Array.isArray(body?.results) ? body.results : []
  const files = members.flatMap((one: Answer['body']) => one.files ?? [])
  const problems = [...members, ...files].map(({ problem }) => problem)
  return [body, ...problems].filter((one) => typeof one?.type === 'string').map(slugOf)
}

function slugOf({ type, status }: { type: string; status: number }): string {
  const slug = type.slice(type.lastIndexOf('/') + 1)
  return status >= 500 ? `${status} ${slug}` : slug
}
