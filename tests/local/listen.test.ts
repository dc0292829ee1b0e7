import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { freePort, listen } from './listen.ts'

const servers: ReturnType<typeof createServer>[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

function aServer() {
  const server = createServer()
  servers.push(server)
  return server
}

test('five ports side by side that are all taken become five different ones', async () => {
  const first = 20_000 + Math.floor(Math.random() * 10_000)
  const wished = Array.from({ length: 5 }, (_, at) => first + at)
  const taken = await Promise.all(wished.map((port) => listen(aServer(), port)))
  const found = await Promise.all(taken.map((port) => freePort(port)))
  expect(new Set([...taken, ...found]).size).toBe(10)
})

test('where the next port is asked for, it is the next', async () => {
  const taken = await listen(aServer(), 32_400 + Math.floor(Math.random() * 300))
  expect(await listen(aServer(), taken, { apart: 1 })).toBe(taken + 1)
})

test('a free port is given once, and is none that systems give to whoever asks for any', async () => {
  const ports = await Promise.all(Array.from({ length: 500 }, () => freePort()))
  expect(new Set(ports).size).toBe(500)
  expect(Math.max(...ports)).toBeLessThan(32_768)
})
