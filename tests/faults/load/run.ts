import { randomUUID } from 'node:crypto'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, makeAccounts } from './accounts.ts'
import type { Client } from './client.ts'
import { type Library, openLibrary } from './contents.ts'
import { hire, work } from './crew.ts'
import { type Faults, startFaults } from './faults.ts'
import type { Row, Totals } from './ledger.ts'
import { type Stage, setStage } from './scene.ts'
import { writeOwn } from './uploads.ts'
import { type Check, endAndVerify } from './verify.ts'
import { type Watched, watch } from './watch.ts'

const ACCOUNTS = 20

export type LoadOptions = { seconds: number; clients: number; seed: number; thinkMs: number }

export type LoadResult = LoadOptions & {
  /** While the clients worked; verifying is not in it, nor in the rows. */
  calls: number
  rows: Row[]
  totals: Totals
  objections: string[]
  checks: Check[]
  watched: Watched
  faults: Record<string, Record<string, number>>
  proxied: Record<string, number>
  logged: Record<string, number>
  causes: Record<string, number>
  bytes: { sent: number; received: number }
  /** Over a minute, before and after. */
  loadAverage: { before: number; after: number }
  /** Without starting, making accounts and verifying. */
  lastedSeconds: number
  verifiedSeconds: number
}

/** Runs the clients against a stack of its own, breaks things meanwhile, and looks what is left. */
export async function runLoad(
  options: LoadOptions,
  say: (line: string) => void,
): Promise<LoadResult> {
  let faults: Faults | null = null
  const before = loadavg()[0] ?? 0
  const stage = await setStage(options.seed, () => faults)
  try {
    const library = await openLibrary()
    const accounts = await makeAccounts(stage.scene, `soak-${randomUUID().slice(0, 8)}`, ACCOUNTS)
    await warmUp(stage, { accounts, library })
    say(`${accounts.length} accounts at ${stage.scene.url}; ${options.clients} clients begin`)
    const began = performance.now()
    const lastingMs = options.seconds * 1000
    const isOver = () => performance.now() - began >= lastingMs
    const crew = hire(stage.scene, { accounts, library }, { ...options, isOver })
    faults = startFaults(options.seed, lastingMs)
    const watched = await workAll(stage, { crew, faults, isOver, options })
    const lastedSeconds = (performance.now() - began) / 1000
    faults.stop()

    const rows = stage.scene.ledger.rows()
    const { calls } = stage.scene.ledger.totals()
    const bytes = { ...stage.scene.sender.bytes }
    const proxied = requestsOf(stage)
    say(`${calls} calls in ${lastedSeconds.toFixed(1)} s; ending what is open, and looking`)
    const after = loadavg()[0] ?? 0
    const clients = accounts.flatMap((account) => crew.find((one) => one.account === account) ?? [])
    const ending = { ...stage, accounts, crew, clients, env: stage.stack.env }
    const checks = await endAndVerify(ending)
    return {
      ...options,
      calls,
      rows,
      totals: stage.scene.ledger.totals(),
      objections: withCauses(stage),
      checks: [...checksOf(stage, watched), ...checks],
      watched,
      faults: faults.counts(),
      proxied,
      logged: stage.functions.logged(),
      causes: stage.functions.causes(),
      bytes,
      loadAverage: { before, after },
      lastedSeconds,
      verifiedSeconds: (performance.now() - began) / 1000 - lastedSeconds,
    }
  } finally {
    await stage.stop()
  }
}

/** The first upload of all finds out what the store can do, which no deployment does under load. */
async function warmUp({ scene }: Stage, known: { accounts: Account[]; library: Library }) {
  const [client] = hire(
    scene,
    { ...known, accounts: known.accounts.filter(({ tier }) => tier === 'enterprise') },
    { clients: 1, seed: 0, isOver: () => false },
  )
  if (client) await writeOwn(client)
  if (!client?.own.known) throw new Error('the first upload failed')
}

type Work = { crew: Client[]; faults: Faults; isOver: () => boolean; options: LoadOptions }

async function workAll(stage: Stage, { crew, faults, isOver, options }: Work): Promise<Watched> {
  const { truth, functions } = stage
  let isReplacing = false
  const killHalfway = async () => {
    while (!isOver() && performance.now() < halfway) await sleep(100)
    if (isOver()) return
    const takeOver = await functions.standBy()
    isReplacing = true
    const outage = faults.outage()
    await takeOver()
    outage.end()
    isReplacing = false
  }
  const halfway = performance.now() + (options.seconds * 1000) / 2
  const withinQuota = crew
    .filter(({ account }) => account.isFixed)
    .map(({ account }) => account.userId)
  const watching = { truth, functions, withinQuota, isReplacing: () => isReplacing }
  const [watched] = await Promise.all([
    watch(watching, isOver),
    killHalfway(),
    ...crew.map((client) => work(client, options.thinkMs)),
  ])
  return watched
}

/** What was seen while the clients worked. */
function checksOf({ scene, proxies }: Stage, watched: Watched): Check[] {
  const { failed, cut, unexpected } = scene.ledger.totals()
  const broken = Object.values(proxies).reduce((sum, { seen }) => sum + seen.broken, 0)
  return [
    {
      name: 'no call failed or was cut but where a fault was injected',
      isKept: failed.unexplained + cut.unexplained === 0,
      says: `${failed.injected} answers of 500 and more and ${cut.injected} cut calls met a fault, ${failed.unexplained} and ${cut.unexplained} did not; proxies broke ${broken} by themselves`,
    },
    {
      name: 'every other answer is one that the documentation gives',
      isKept: unexpected === 0,
      says: `${unexpected} are not`,
    },
    {
      name: 'used and reserved were right, and within the quota, at every look while clients worked',
      isKept: watched.wrong.length === 0 && watched.looks > 0,
      says: [`${watched.looks} looks at all accounts`, ...watched.wrong.slice(0, 3)].join('; '),
    },
  ]
}

/** What is objected to, with what the functions logged of the call. */
function withCauses({ scene, functions }: Stage): string[] {
  return scene.ledger.objections().map((text) => {
    const requestId = /, request (\S+)\)$/.exec(text)?.[1]
    const cause = requestId && requestId !== '-' ? functions.logOf(requestId) : ''
    return cause ? `${text}\n    ${cause}` : text
  })
}

function requestsOf({ proxies }: Stage): Record<string, number> {
  return Object.fromEntries(
    Object.entries(proxies).map(([service, { seen }]) => [service, seen.requests]),
  )
}
