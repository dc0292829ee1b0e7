import { type Stack, startStack } from '../../local/stack.ts'
import type { Scene } from './accounts.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import type { Faults, Service } from './faults.ts'
import { type Functions, startFunctions } from './functions.ts'
import { openSender } from './http.ts'
import { openLedger } from './ledger.ts'
import { startReceiver } from './receiver.ts'
import { openTruth, type Truth } from './truth.ts'

/** Everything of one run: a stack, proxies that break things, functions behind them, and what is known of it all. */
export type Stage = {
  scene: Scene
  stack: Stack
  proxies: Record<Service, FaultProxy>
  functions: Functions
  truth: Truth
  stop(): Promise<void>
}

/** Starts a stack and the functions that this run is about; they reach their services through proxies. */
export async function setStage(seed: number, faultsOf: () => Faults | null): Promise<Stage> {
  const undo: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    // The store and the relays have processes of their own where the stack has functions; those stay idle.
    const stack = await startStack({ functions: true })
    undo.push(stack.stop)
    const proxies = await startProxies(stack, faultsOf)
    undo.push(() => Promise.all(Object.values(proxies).map((proxy) => proxy.stop())))
    const truth = await openTruth(stack.databaseUrl)
    undo.push(truth.close)
    await truth.shrinkQuotas()
    const receiver = await startReceiver(seed)
    undo.push(receiver.stop)
    const functions = await startFunctions({
      ...stack.env,
      EVENTS_ALLOWED_HOSTS: receiver.host,
      JETTY_NEON_HTTP: proxies.sql.url,
      UPSTASH_REDIS_REST_URL: proxies.redis.url,
      LYVE_ENDPOINT: proxies.s3.url,
    })
    undo.push(functions.stop)
    const ledger = openLedger((span, services) => faultsOf()?.explain(span, services) ?? false)
    const sender = openSender(ledger)
    undo.push(async () => sender.close())
    const secrets = secretsOf(stack)
    const scene = { url: functions.url, secrets, sender, ledger, receiver }
    return { scene, stack, proxies, functions, truth, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startProxies(
  { env }: Stack,
  faultsOf: () => Faults | null,
): Promise<Record<Service, FaultProxy>> {
  const fateOf = (service: Service) => faultsOf()?.fateOf(service) ?? 'pass'
  const [sql, redis, s3] = await Promise.all([
    startFaultProxy('sql', env.JETTY_NEON_HTTP ?? '', fateOf),
    startFaultProxy('redis', env.UPSTASH_REDIS_REST_URL ?? '', fateOf),
    startFaultProxy('s3', env.LYVE_ENDPOINT ?? '', fateOf),
  ])
  return { sql, redis, s3 }
}

function secretsOf({ env }: Stack): Scene['secrets'] {
  return { webhook: env.AGENTCACHE_WEBHOOK_SECRET ?? '', cron: env.CRON_SECRET ?? '' }
}
