import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../local/listen.ts'
import { startUpstash, type UpstashFront } from '../local/upstash.ts'
import { withPackage } from './debian.ts'
import { redisContract } from './redis.ts'

const TOKEN = 'token-of-the-contract-suite'
const START_LIMIT_MS = 10_000
const installed = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find(existsSync)

withPackage("Debian's redis-server", installed, (program) => {
  redisContract({
    name: "Debian's Redis behind the local front",
    kind: 'debian',
    start: () => start(program),
  })
})

async function start(program: string) {
  const port = await freePort()
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = spawn(program, [...flags, '--dir', tmpdir()], { stdio: 'ignore' })
  const front = await frontWhenReady(port)
  return {
    url: front.url,
    token: TOKEN,
    async stop() {
      await front.stop()
      const ended = once(server, 'exit')
      server.kill()
      await ended
    },
  }
}

async function frontWhenReady(port: number): Promise<UpstashFront> {
  const deadline = Date.now() + START_LIMIT_MS
  for (;;) {
    try {
      return await startUpstash(port, TOKEN)
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(20)
    }
  }
}
