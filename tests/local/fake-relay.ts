import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { closeServer, listen } from './listen.ts'

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/** What answers `/health` as a relay does, or as `answer` has it; stopped with the test. */
export async function fakeRelay(id: string, answer: Answer = healthy(id)) {
  const asked: string[] = []
  const relay = { id, url: '', answer, asked }
  const server = createServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '')
    relay.answer(incoming, outgoing)
  })
  relay.url = `http://127.0.0.1:${await listen(server)}`
  onTestFinished(() => closeServer(server))
  return relay
}

/** The answer of a relay that is well, with some of it changed. */
export function healthy(id: string, change: object = {}, status = 200): Answer {
  return (_, outgoing) => {
    outgoing.writeHead(status, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify({ id, status: 'ok', version: '1.2.3', ...change }))
  }
}
