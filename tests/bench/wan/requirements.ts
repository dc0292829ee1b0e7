import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { allowCongestionControl, CONGESTION } from './congestion.ts'
import { ROOM } from './world.ts'

/** What this machine lacks for the emulated network, each in words that say what to do. Empty where nothing is missing. */
export function missingForEmulation(): string[] {
  if (process.platform !== 'linux') return ['Linux: network namespaces and TUN devices are its own']
  const missing: string[] = []
  if (process.getuid?.() !== 0) missing.push('root: namespaces and devices are made with it')
  if (!isUsable('/dev/net/tun')) missing.push('/dev/net/tun: the kernel module tun')
  if (!answers('cc', '--version')) missing.push('cc: a C compiler (Debian: gcc libc6-dev)')
  if (!answers('ip', '-V')) missing.push('ip: iproute2')
  if (!answers('sysctl', '--version')) missing.push('sysctl: procps')
  if (!isUsable(ROOM)) missing.push(`${ROOM}: memory for what is stored`)
  if (missing.length > 0) return missing
  return [faultOfCongestionControl(), faultOfNamespaces()].filter((fault) => fault !== null)
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

function faultOfCongestionControl(): string | null {
  try {
    allowCongestionControl()()
    return null
  } catch {
    return `${CONGESTION}: the kernel does not let connections send with it`
  }
}

/** A container may show the device and still refuse to make one. */
function faultOfNamespaces(): string | null {
  const name = `jw${process.pid}-try`
  if (!answers('ip', 'netns', 'add', name)) {
    return 'network namespaces: `ip netns add` is refused (a container needs CAP_SYS_ADMIN)'
  }
  const isMade = answers('ip', '-n', name, 'tuntap', 'add', 'dev', 'try0', 'mode', 'tun')
  spawnSync('ip', ['netns', 'del', name])
  return isMade ? null : 'TUN devices: they cannot be made here (a container needs CAP_NET_ADMIN)'
}
