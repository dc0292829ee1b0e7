import { parseArgs } from 'node:util'
import type { Capabilities } from './capability.ts'

const USAGE = `npm run probe -- [--json] [--origin URL]

Finds out what the store of this environment does and keeps it for the deployment.
  --json     one JSON object instead of a table
  --origin   the page's origin for the CORS check`

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, origin: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) console.log(USAGE)
else await main()

/** Loads what reads the environment only now: help needs none. */
async function main(): Promise<void> {
  const { keepCapabilities } = await import('./capabilities.ts')
  const { store } = await import('./config.ts')
  const { probeStore } = await import('./probe.ts')
  const capabilities = await probeStore({ origin: values.origin })
  await keepCapabilities(capabilities)
  const { endpoint, bucket } = store
  if (values.json) console.log(JSON.stringify({ endpoint, bucket, ...capabilities }))
  else console.log(table({ store: `${endpoint}/${bucket}`, ...capabilities }))
}

function table(shown: Capabilities & { store: string }): string {
  const rows = Object.entries(shown)
  return rows.map(([name, value]) => `${name.padEnd(20)} ${value}`).join('\n')
}
