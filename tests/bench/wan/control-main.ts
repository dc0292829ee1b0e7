import { join } from 'node:path'
import type { Location } from '../../local/function-request.ts'
import { startFunctionsChild } from '../../local/functions-child.ts'
import { startPostgresWithFront } from '../../local/postgres-with-front.ts'
import { startRedisWithFront } from '../../local/redis-with-front.ts'
import { loadFunctions } from './load-functions.ts'

/** A relay as its operator registers it (POST /api/edges). */
export type Registration = {
  id: string
  url: string
  publicKey: string
  city: string
  country: string
  lat: number
  lng: number
}

export type ControlOptions = {
  host: string
  port: number
  dataDir: string
  /** Of a deployment, but for the addresses of database and Redis. */
  env: Record<string, string>
  /** Where the platform's geo headers place the client. */
  location: Location
  relays: Registration[]
}

// The control plane: PostgreSQL, Redis and the functions, as a deployment has them. Says {"url","apiKey"} when it serves, with
// the key of an account; a message has it register the relays, which then have to answer, and load the functions' code.
const options: ControlOptions = JSON.parse(process.argv[2] ?? '{}')
const database = await startPostgresWithFront({
  dataDir: join(options.dataDir, 'postgres'),
  keptPassword: null,
})
const redis = await startRedisWithFront(options.env.UPSTASH_REDIS_REST_TOKEN ?? '')
const env = {
  ...options.env,
  DATABASE_URL: database.url,
  JETTY_NEON_HTTP: database.neonUrl,
  UPSTASH_REDIS_REST_URL: redis.frontUrl,
}
Object.assign(process.env, env)
await import('../../local/preload.ts')
// What reads the environment comes after it is set.
const { anAccount } = await import('../../local/account.ts')
const { apiKey } = await anAccount({ tier: 'enterprise' })
const { host, port, location } = options
const functions = await startFunctionsChild(env, { host, port, location })

process.on('message', async () => {
  for (const relay of options.relays) await register(relay)
  const { apiKey: another } = await anAccount()
  await loadFunctions(join(options.dataDir, 'loaded'), { url: functions.url, apiKey: another })
  process.send?.({ registered: options.relays.length })
})
process.on('SIGTERM', async () => {
  await functions.stop()
  await redis.stop()
  await database.stop()
  process.exit(0)
})
process.send?.({ url: functions.url, apiKey })

async function register(relay: Registration): Promise<void> {
  const answer = await fetch(`${functions.url}/api/edges`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.env.ADMIN_TOKEN}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(relay),
  })
  if (!answer.ok) throw new Error(`${relay.id} is not registered: ${await answer.text()}`)
}
