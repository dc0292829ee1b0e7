import { setTimeout as sleep } from 'node:timers/promises'
import { mapConcurrently } from '../../../lib/concurrency.ts'
import { type Account, type Scene, sendSigned } from './accounts.ts'
import { listBucket } from './bucket.ts'
import { type Asking, ask, type Client } from './client.ts'
import type { Functions } from './functions.ts'
import { rotate, runJob } from './operator.ts'
import type { Truth } from './truth.ts'

const SWEEPS_MAX = 40
/** How lib/sweep/reconcile.ts calls it. */
const DIFFERENCE = 'the usage of an account was not that of its files and uploads'
const DELIVERIES_MAX = 40
const BATCH = 100
const KEYS_SHOWN = 3
const PATIENCE_MS = 2_000
const ROTATIONS_MAX = 40
const INSISTING_MAX = 40
const ACCOUNTS_AT_ONCE = 4
const DOWNLOADS_AT_ONCE = 8

/** Something that has to be true at the end. */
export type Check = { name: string; isKept: boolean; says: string }

export type Ending = {
  scene: Scene
  accounts: Account[]
  crew: Client[]
  /** One client of each account, which is enough to ask. */
  clients: Client[]
  truth: Truth
  functions: Functions
  /** The stack's own, past all proxies. */
  env: Record<string, string>
}

/** Ends what is open, lets time pass, sweeps until nothing is left to do, and looks whether everything adds up. */
export async function endAndVerify(ending: Ending): Promise<Check[]> {
  const { truth } = ending
  await openDoors(ending)
  await endUploads(ending)
  const before = await truth.wrongUsage([])
  await truth.ageAll()
  const rounds = await sweepUntilQuiet(ending)
  return [
    await settledCheck(ending, rounds),
    await usageCheck(ending, before),
    await downloadCheck(ending),
    await ownCheck(ending),
    ...(await bucketChecks(ending)),
    await reconciledCheck(ending),
    await eventsCheck(ending),
  ]
}

/** Everybody gets a key that surely works and calls enough to ask with. */
async function openDoors({ scene, accounts }: Ending): Promise<void> {
  for (const account of accounts) {
    const message = { agentcache_user_id: account.userId, tier: 'enterprise' }
    const { status } = await sendSigned(scene, 'upgrade', { message })
    if (status !== 200) scene.ledger.object(`upgrade at the end: ${status}`)
    await rotate(scene, account, 0)
    for (let tries = 1; !account.key.isSure && tries <= ROTATIONS_MAX; tries++) {
      await sleep(PATIENCE_MS)
      await rotate(scene, account, 0)
    }
  }
}

/** Asks until the rate limit lets it. */
// biome-ignore lint/complexity/useMaxParams: a call reads as the request it makes
async function insist(client: Client, method: string, path: string, asking?: Asking) {
  for (let tries = 1; ; tries++) {
    const answer = await ask(client, method, path, asking)
    if (answer.status !== 429 || tries === INSISTING_MAX) return answer
    await sleep(PATIENCE_MS)
  }
}

/** Every second upload is completed if it can be, all others are aborted. */
async function endUploads({ clients, truth }: Ending): Promise<void> {
  // A completion whose function was killed is taken over after 75 s; nobody is at work any more.
  await truth.rows(
    `UPDATE uploads SET completing_since = completing_since - interval '2 min' WHERE state = 'completing'`,
  )
  await mapConcurrently(clients, ACCOUNTS_AT_ONCE, async (client) => {
    const { body } = await insist(client, 'GET', '/api/storage/upload?limit=1000')
    const open: string[] = body.uploads.map(({ uploadId }: { uploadId: string }) => uploadId)
    const wanted = open.filter((_, index) => index % 2 === 0)
    for (let at = 0; at < wanted.length; at += BATCH) {
      const uploads = wanted.slice(at, at + BATCH).map((uploadId) => ({ uploadId }))
      await insist(client, 'PUT', '/api/storage/upload', {
        body: { uploads },
        allowed: ['parts-missing', 'upload-closed', 'path-taken'],
      })
    }
    for (const uploadId of open) {
      await insist(client, 'DELETE', `/api/storage/upload?uploadId=${uploadId}`, {
        allowed: ['upload-closed'],
      })
    }
  })
}

async function sweepUntilQuiet({ scene, truth }: Ending): Promise<number> {
  for (let round = 1; round <= SWEEPS_MAX; round++) {
    const { status, body } = await runJob(scene, 'sweep')
    const { reconciled: _, differences: __, ...did } = body ?? {}
    const [left] = await truth.rows(`SELECT count(*) AS n FROM uploads
      WHERE state IN ('done', 'aborted') AND part_count > 1 AND swept_at IS NULL`)
    const isQuiet = Object.values(did).every((count) => count === 0)
    if (status === 200 && isQuiet && left?.n === '0') return round
    await truth.ageAll()
  }
  return Number.POSITIVE_INFINITY
}

async function settledCheck({ truth }: Ending, rounds: number): Promise<Check> {
  const rows = await truth.rows(
    `SELECT state, count(*) AS n FROM uploads GROUP BY state ORDER BY 1`,
  )
  const isKept = rows.every(({ state }) => state === 'done' || state === 'aborted')
  const says = rows.map(({ state, n }) => `${n} ${state}`).join(', ')
  const name = 'every upload is done or aborted, and the sweep finds nothing more to do'
  return { name, isKept: isKept && rounds <= SWEEPS_MAX, says: `${says}; after ${rounds} sweeps` }
}

/** `before`: what was wrong before the first sweep, which corrects and reports differences. */
async function usageCheck({ truth }: Ending, before: string[]): Promise<Check> {
  const wrong = [...before, ...(await truth.wrongUsage([]))]
  const broken = await truth.brokenFiles()
  const [sums] = await truth.rows(`
    SELECT count(*) AS accounts, sum(storage_used_bytes) AS used, sum(storage_reserved_bytes) AS reserved FROM agentcache_accounts`)
  return {
    name: 'used is what live and trashed files and manifests add up to, reserved is 0, in every account',
    isKept: wrong.length === 0 && broken === 0 && sums?.reserved === '0',
    says: [
      `${sums?.accounts} accounts, ${sums?.used} bytes used, ${sums?.reserved} reserved`,
      `${broken} broken files`,
      ...wrong,
    ].join('; '),
  }
}

async function downloadCheck({ clients }: Ending): Promise<Check> {
  const results = await mapConcurrently(clients, ACCOUNTS_AT_ONCE, async (client) => {
    const { body } = await insist(client, 'GET', '/api/storage/files')
    const files: { fileId: string }[] = body.files
    return await mapConcurrently(files, DOWNLOADS_AT_ONCE, ({ fileId }) => isWhole(client, fileId))
  })
  const whole = results.flat().filter(Boolean).length
  return {
    name: 'every live file comes back with the bytes that were sent',
    isKept: whole === results.flat().length,
    says: `${whole} of ${results.flat().length} files`,
  }
}

async function isWhole(client: Client, fileId: string): Promise<boolean> {
  const { scene, library } = client
  const path = `/api/storage/download?fileId=${fileId}`
  const { body } = await insist(client, 'GET', path, { headers: { accept: 'application/json' } })
  if (!body?.url) return false
  const got = await scene.sender.send({ name: 'store GET', method: 'GET', url: body.url })
  return got.status === 200 && library.isThe(got.bytes, body.fileHash, body.fileSize)
}

/** What a client was told is stored last at its own path is there, or what it was not told the end of. */
async function ownCheck({ truth, crew }: Ending): Promise<Check> {
  const rows = await truth.rows(`
    SELECT f.account_id, f.path, b.file_hash FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
    WHERE f.path LIKE 'own/%' AND f.trashed_at IS NULL`)
  const held = new Map(rows.map((row) => [`${row.account_id} ${row.path}`, row.file_hash ?? '']))
  const told = crew.filter(({ own }) => own.known !== null)
  const lost = told.filter(({ account, own }) => {
    const hash = held.get(`${account.accountId} ${own.path}`) ?? ''
    return hash !== own.known && !own.possible.has(hash)
  })
  return {
    name: 'nothing that a client was told is stored was lost',
    isKept: lost.length === 0 && told.length > 0,
    says: [
      `${told.length} clients had written to a path of their own, ${lost.length} lost it`,
      ...lost.slice(0, KEYS_SHOWN).map(({ own }) => `${own.path} was ${own.known}`),
    ].join('; '),
  }
}

async function bucketChecks({ truth, env }: Ending): Promise<Check[]> {
  const { objects, unfinished } = await listBucket(env)
  const blobs = await truth.rows(
    `SELECT storage_key AS key, file_size AS size, manifest_bytes > 0 AS described FROM file_hashes`,
  )
  const unneeded = await truth.rows(`
    SELECT id FROM file_hashes b WHERE NOT EXISTS (SELECT FROM agentcache_assets f WHERE f.blob_id = b.id)`)
  // What was declared of a manifest is charged, whether it was sent or not.
  const keys = new Set(
    blobs.flatMap(({ key, described }) => (described ? [key, `${key}.manifest`] : [key])),
  )
  const stray = [...objects.keys()].filter((key) => !keys.has(key))
  const lost = blobs.filter(({ key = '', size }) => objects.get(key) !== Number(size))
  return [
    {
      name: 'the store holds nothing that nothing points at',
      isKept: stray.length === 0 && unfinished.length === 0 && unneeded.length === 0,
      says: [
        `${objects.size} objects, ${stray.length} stray, ${unfinished.length} unfinished multipart uploads, ${unneeded.length} blobs without a file`,
        ...[...stray, ...unfinished].slice(0, KEYS_SHOWN),
      ].join('; '),
    },
    {
      name: 'every blob has its object, of its size',
      isKept: lost.length === 0,
      says: `${blobs.length} blobs, ${lost.length} without`,
    },
  ]
}

async function reconciledCheck({ scene, truth, functions }: Ending): Promise<Check> {
  await truth.rows(`UPDATE agentcache_accounts SET reconciled_at = now() - interval '25 hours'`)
  const { body } = await runJob(scene, 'sweep')
  const logged = functions.logged()[DIFFERENCE] ?? 0
  return {
    name: 'the sweeper, comparing all accounts, never found a difference either',
    isKept: body?.differences === 0 && body.reconciled > 0 && logged === 0,
    says: `${body?.reconciled} compared at the end, ${body?.differences} differ; ${logged} corrected before`,
  }
}

/** Each upload of an account that wants to be told was told of exactly once, and everything that was told arrived. */
async function eventsCheck({ scene, truth }: Ending): Promise<Check> {
  const { receiver } = scene
  receiver.recover()
  for (let round = 1; round <= DELIVERIES_MAX; round++) {
    await truth.rows(`UPDATE event_outbox SET next_attempt_at = now() WHERE delivered_at IS NULL`)
    await runJob(scene, 'deliver')
    const waiting = await truth.rows(`SELECT id FROM event_outbox WHERE delivered_at IS NULL`)
    if (waiting.length === 0) break
  }
  const events = await truth.rows(`SELECT id, delivered_at FROM event_outbox`)
  const lost = events.filter(
    ({ id, delivered_at: at }) => !at || !receiver.accepted.has(`msg_${id}`),
  )
  const untold = await truth.rows(`
    SELECT u.id FROM uploads u JOIN event_endpoints e ON e.account_id = u.account_id
    WHERE u.state = 'done' AND 1 <> (SELECT count(*) FROM event_outbox o
      WHERE o.account_id = u.account_id AND o.type = 'upload.completed' AND o.data->>'uploadId' = u.id::text)`)
  const { refused, repeated, forged } = receiver.counts
  return {
    name: 'every event arrived, signed, and every upload was told of once',
    isKept: lost.length + untold.length + forged === 0 && events.length > 0,
    says: `${events.length} events, ${lost.length} lost, ${untold.length} uploads untold; ${refused} refused by the receiver, ${repeated} sent again, ${forged} forged`,
  }
}
