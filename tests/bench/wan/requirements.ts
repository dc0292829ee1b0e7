import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

/** What this machine lacks for the emulated network, each in words that say what to do. Empty where nothing is missing. */
export function missingForEmulation(): string[] {
  if (process.platform !== 'linux') return ['Linux: network namespaces and TUN devices are its own']
  const missing: string[] = []
  if (process.getuid?.() !== 0) missing.push('root: namespaces and devices are made with it')
  if (!isUsable('/dev/net/tun')) missing.push('/dev/net/tun: the kernel module tun')
  if (!answers('cc', '--version')) missing.push('cc: a C compiler (Debian: gcc libc6-dev)')
  if (!answers('ip', '-V')) missing.push('ip: iproute2')
  if (missing.length === 0 && !makesNamespaces())
    missing.push(
      'network namespaces: `ip netns add` is refused here (a container needs CAP_SYS_ADMIN)',
    )
  return missing
}

/** Whether a command runs and says it is fine. */
export function answers(...[command, ...words]: [string, ...string[]]): boolean {
  return spawnSync(command, words, { stdio: 'ignore' }).status === 0
}

function isUsable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

function makesNamespaces(): boolean {
  const name = `jw${process.pid}-try`
  const made = answers('ip', 'netns', 'add', name)
  if (made) spawnSync('ip', ['netns', 'del', name])
  return made
}
