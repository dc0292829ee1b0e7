import { setTimeout as sleep } from 'node:timers/promises'
import type { Account, Scene } from './accounts.ts'
import type { Client } from './client.ts'
import type { Library } from './contents.ts'
import * as files from './files.ts'
import * as jetty from './jetty.ts'
import * as operator from './operator.ts'
import { randomFrom } from './random.ts'
import * as uploads from './uploads.ts'

/** What clients do, and how often beside each other. */
const MIX = [
  ['start', 16],
  ['writeOwn', 6],
  ['revive', 4],
  ['stampede', 3],
  ['sendSome', 8],
  ['resign', 3],
  ['completeSome', 10],
  ['abort', 3],
  ['look', 3],
  ['list', 6],
  ['download', 10],
  ['trash', 5],
  ['remove', 4],
  ['restore', 4],
  ['rename', 4],
  ['pileOn', 2],
  ['optimalEdges', 4],
  ['checkDuplicate', 4],
  ['cacheChunk', 4],
  ['trackUpload', 4],
  ['userStats', 2],
  ['readQuota', 3],
  ['changeTier', 1],
  ['rotateKey', 0.5],
  ['provisionAgain', 1],
  ['sweep', 0.4],
  ['probe', 0.2],
  ['deliver', 0.2],
] as const

type Step = (typeof MIX)[number][0]

const STEPS: Record<Step, (client: Client) => Promise<unknown>> = {
  ...uploads,
  writeOwn: (client) => uploads.writeOwn(client),
  ...files,
  ...jetty,
  ...operator,
  sweep: ({ scene }) => operator.runJob(scene, 'sweep'),
  probe: ({ scene }) => operator.runJob(scene, 'probe'),
  deliver: ({ scene }) => operator.runJob(scene, 'deliver'),
}

export type CrewOptions = { clients: number; seed: number; isOver: () => boolean }

/** Hires the clients; each belongs to one account, which about ten share. */
export function hire(
  scene: Scene,
  { accounts, library }: { accounts: Account[]; library: Library },
  { clients, seed, isOver }: CrewOptions,
): Client[] {
  return Array.from({ length: clients }, (_, index) => {
    const account = accounts[index % accounts.length]
    if (!account) throw new RangeError('no account')
    const own = { path: `own/${index}`, known: null, possible: new Set<string>() }
    return {
      scene,
      account,
      library,
      own,
      buried: [],
      isOver,
      random: randomFrom(seed * 7919 + index),
    }
  })
}

/** One client's work until the run is over: something, a pause, something else. What it throws is a defect of this run. */
export async function work(client: Client, thinkMs: number): Promise<void> {
  const { random, isOver, scene, account } = client
  await sleep(random.below(thinkMs))
  while (!isOver()) {
    const step = random.weighted(MIX)
    try {
      if (!account.key.isSure) await operator.rotate(scene, account, 0)
      await STEPS[step](client)
    } catch (error) {
      scene.ledger.object(`${step}: ${error instanceof Error ? error.stack : error}`)
    }
    await pause(random.exponential(thinkMs), isOver)
  }
}

async function pause(ms: number, isOver: () => boolean): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until && !isOver())
    await sleep(Math.min(250, until - performance.now()))
}
