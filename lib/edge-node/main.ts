import { readFileSync } from 'node:fs'
import { log } from '../log.ts'
import { type Heartbeats, startHeartbeats } from './heartbeat.ts'
import { readKey } from './key.ts'
import { readingLoad } from './load.ts'
import { type Relay, startRelay } from './relay.ts'
import { type EdgeSettings, readSettings, usage } from './settings.ts'

const PACKAGE = new URL('../../package.json', import.meta.url)

/** `npm run edge`: one relay, until SIGTERM or Ctrl-C; a second signal does not wait for running requests. */
async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2))
  if (settings === 'help') {
    console.log(usage())
    return
  }
  const key = await readKey(settings)
  const version = packageVersion()
  const relay = await startRelay({ ...settings, version })
  console.log(`relay ${settings.id}: ${relay.url} -> ${settings.origin}/${settings.bucket}`)
  if (key) console.log(`public key of its heartbeats: ${key.publicKey}`)
  else if (settings.controlUrl) console.log('no heartbeats: the relay has no key (EDGE_KEY_FILE)')
  const heartbeats = key && speak(settings, { relay, version, seed: key.seed })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void end(relay, heartbeats))
  }
}

function speak(
  settings: EdgeSettings,
  { relay, version, seed }: { relay: Relay; version: string; seed: string },
): Heartbeats | null {
  const { id, controlUrl } = settings
  if (controlUrl === undefined) return null
  return startHeartbeats({ controlUrl, id, seed, version }, readingLoad(relay.stats, settings))
}

async function end(relay: Relay, heartbeats: Heartbeats | null): Promise<void> {
  console.log(`stopping, ${relay.stats().activeRequests} requests to finish`)
  process.once('SIGTERM', () => process.exit(1))
  process.once('SIGINT', () => process.exit(1))
  await Promise.all([relay.stop(), heartbeats?.stop()])
  log('info', 'relay stopped', relay.stats())
  process.exit(0)
}

function packageVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(readFileSync(PACKAGE, 'utf8'))
  return typeof version === 'string' ? version : 'unknown'
}

/** A setting or a port is the operator's to mend: one sentence, not a stack. */
function explain(error: unknown): void {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

main().catch(explain)
