import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { afterAll } from 'vitest'
import { verifyWebhook } from '../../../lib/webhooks/standard.ts'
import { closeServer, listen } from '../../local/listen.ts'

/** A message as it came. */
export type Received = { id: string; body: string; headers: IncomingHttpHeaders; url: string }

/** What is answered: 204 unless said. `hang` answers nothing, `trickle` a 200 whose body never ends. */
export type Answering =
  | { status: number; headers?: Record<string, string>; body?: string }
  | 'hang'
  | 'trickle'
  | 'flood'

export type Receiver = {
  url: string
  port: number
  received: Received[]
  /** Decides what the next messages are answered. */
  answer: ((message: Received) => Answering | Promise<Answering>) | undefined
  /** How many connections were opened. */
  connections: () => number
  /** How many bytes of its flood were taken. */
  flooded: () => number
  /** How many messages were being answered at once, at most. */
  atOnceMax: () => number
}

/** A customer's webhook receiver on loopback. */
export async function startReceiver(): Promise<Receiver> {
  let connections = 0
  let flooded = 0
  let atOnce = 0
  let atOnceMax = 0
  const server = createServer(async (request, response) => {
    atOnceMax = Math.max(atOnceMax, ++atOnce)
    response.once('close', () => atOnce--)
    const body = await textOf(request)
    const { headers, url = '' } = request
    const message = { id: String(headers['webhook-id']), body, headers, url }
    receiver.received.push(message)
    const answer = (await receiver.answer?.(message)) ?? { status: 204 }
    if (answer === 'hang') return
    if (answer === 'trickle') return void response.writeHead(200).write('.')
    if (answer === 'flood') {
      response.writeHead(200)
      const pour = () => {
        if (response.destroyed) return
        flooded += 65_536
        if (response.write(Buffer.alloc(65_536))) setImmediate(pour)
        else response.once('drain', pour)
      }
      return pour()
    }
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  server.on('connection', () => connections++)
  const port = await listen(server)
  afterAll(() => closeServer(server))
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook?a=1`,
    port,
    received: [],
    answer: undefined,
    connections: () => connections,
    flooded: () => flooded,
    atOnceMax: () => atOnceMax,
  }
  return receiver
}

/** Whether a message was signed with this secret within the last minutes. */
export function isSignedWith({ headers, body }: Received, secret: string): boolean {
  const sent = new Headers()
  for (const [name, value] of Object.entries(headers)) sent.set(name, String(value))
  return verifyWebhook(sent, body, [secret]) !== null
}

/** The event in a message. */
// biome-ignore lint/suspicious/noExplicitAny: events are looked into by the tests
export function eventIn({ body }: Received): any {
  return JSON.parse(body)
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request.setEncoding('utf8')) text += piece
  return text
}
