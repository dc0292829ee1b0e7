import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { run, runQuietly } from './namespace.ts'

/** Removes what runs that were killed left behind: namespaces, and folders in memory. Those of running ones stay. */
export function removeLeftovers(room: string): void {
  for (const line of run('ip', 'netns', 'list').split('\n')) {
    const [, name, pid] = /^(jw(\d+)-[\w-]+)/.exec(line) ?? []
    if (name && !isRunning(Number(pid))) runQuietly('ip', 'netns', 'del', name)
  }
  for (const name of readdirSync(room)) {
    const [, pid] = /^jetty-wan-(\d+)-/.exec(name) ?? []
    if (pid && !isRunning(Number(pid))) rmSync(join(room, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
