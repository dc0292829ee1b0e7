import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const STOP_LIMIT_MS = 10_000

/**
 * Stops a server that an earlier, hard-killed process left running on this data folder, and removes the lock file of
 * one that is gone: after a restart its number may belong to anybody, which PostgreSQL takes for a running server.
 */
export async function stopLeftover(dataDir: string): Promise<void> {
  const lock = join(dataDir, 'postmaster.pid')
  if (!existsSync(lock)) return

  const pid = Number(readFileSync(lock, 'utf8').split('\n', 1)[0])
  const deadline = Date.now() + STOP_LIMIT_MS
  if (isOurs(pid, dataDir)) process.kill(pid, 'SIGINT')
  while (isOurs(pid, dataDir)) {
    if (Date.now() > deadline)
      throw new Error(`PostgreSQL (process ${pid}) still uses ${dataDir} and does not stop.`)
    await sleep(20)
  }
  await rm(lock, { force: true })
}

function isOurs(pid: number, dataDir: string): boolean {
  try {
    const command = execFileSync('ps', ['-ww', '-p', String(pid), '-o', 'command='], {
      encoding: 'utf8',
    })
    return command.includes('postgres') && command.includes(dataDir)
  } catch {
    return false
  }
}
