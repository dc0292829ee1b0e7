import { parseArgs } from 'node:util'
import { keepCapabilities } from './capabilities.ts'
import { store } from './config.ts'
import { type Capabilities, probeStore } from './probe.ts'

const USAGE = `npm run probe -- [--json] [--origin URL]

Finds out what the store of this environment does and keeps it for the deployment.
  --json     one JSON object instead of a table
  --origin   the page's origin for the CORS check`

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, origin: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const capabilities = await probeStore({ origin: values.origin })
  await keepCapabilities(capabilities)
  const { endpoint, bucket } = store
  if (values.json) console.log(JSON.stringify({ endpoint, bucket, ...capabilities }))
  else console.log(table(capabilities))
}

function table(capabilities: Capabilities): string {
  const rows = Object.entries({ store: `${store.endpoint}/${store.bucket}`, ...capabilities })
  return rows.map(([name, value]) => `${name.padEnd(20)} ${value}`).join('\n')
}
