import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Programs } from './build.ts'
import { allowCongestionControl, CONGESTION } from './congestion.ts'
import { ADDRESSES, configOf, type Link } from './link.ts'
import { end, run, runQuietly } from './namespace.ts'

/** Linux' own limits, set so that they are the same everywhere. */
const SETTINGS = [
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv6.conf.default.disable_ipv6=1',
  `net.ipv4.tcp_congestion_control=${CONGESTION}`,
  // Each connection begins without what earlier ones learnt of its path.
  'net.ipv4.tcp_no_metrics_save=1',
  'net.ipv4.tcp_wmem=4096 16384 4194304',
  'net.ipv4.tcp_rmem=4096 131072 6291456',
]
/** What docs/operations.md asks of a relay's host: connections that paused go on as fast as they were. */
const EDGE_SETTINGS = ['net.ipv4.tcp_slow_start_after_idle=0']

export type NodeName = 'client' | 'origin' | 'control' | `edge${number}`

/** What passed on the emulated network since the last look. */
export type Traffic = {
  delivered: number
  lateMeanUs: number
  lateOver1Ms: number
  access: Record<string, { bytes: number; tailDrops: number; queuedMax: number }>
  paths: Record<string, { packets: number; bytes: number; lost: number; tailDrops: number }>
}

export type Lab = {
  namespaceOf(node: NodeName): string
  emulatorPid: number
  traffic(): Promise<Traffic>
  stop(): Promise<void>
}

/** Namespaces for all nodes and the emulator between them. `folder` is for its configuration. */
export async function startLab(
  link: Link,
  { programs, folder, client }: { programs: Programs; folder: string; client?: string },
): Promise<Lab> {
  const prefix = `jw${process.pid}-`
  const nodes = ['client', 'origin', 'control', ...ADDRESSES.edges.map((_, at) => `edge${at + 1}`)]
  const putBack = allowCongestionControl()
  const remove = () => {
    putBack()
    for (const node of nodes) runQuietly('ip', 'netns', 'del', `${prefix}${node}`)
  }
  try {
    for (const node of nodes) addNamespace(`${prefix}${node}`, node.startsWith('edge'))
    const config = join(folder, 'network.conf')
    writeFileSync(config, configOf(link, { prefix, client }))
    const emulator = spawn(programs.emulator, [config], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: emulator.stdout })
    await nextLine(emulator, lines)
    return {
      namespaceOf: (node) => `${prefix}${node}`,
      emulatorPid: emulator.pid ?? 0,
      traffic: async () => {
        const line = nextLine(emulator, lines)
        emulator.kill('SIGUSR1')
        return JSON.parse(await line)
      },
      stop: async () => {
        await end(emulator, 'SIGTERM')
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

async function nextLine(emulator: ChildProcess, lines: Interface): Promise<string> {
  const controller = new AbortController()
  const { signal } = controller
  const ended = once(emulator, 'exit', { signal }).then(() => {
    throw new Error('The emulator ended.')
  })
  try {
    const [line] = await Promise.race([once(lines, 'line', { signal }), ended])
    return String(line)
  } finally {
    ended.catch(() => {})
    controller.abort()
  }
}

function addNamespace(name: string, isEdge: boolean): void {
  run('ip', 'netns', 'add', name)
  const settings = isEdge ? [...SETTINGS, ...EDGE_SETTINGS] : SETTINGS
  run('ip', 'netns', 'exec', name, 'sysctl', '-qw', ...settings)
}
