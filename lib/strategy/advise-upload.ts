import type { Account } from '../accounts/authenticate.ts'
import { inOneTrip } from '../db/client.ts'
import { downloadUrlOf } from '../duplicates/answer.ts'
import {
  contentKey,
  type Duplicate,
  duplicatesOf,
  duplicatesStatement,
} from '../duplicates/find.ts'
import { mismatchOf } from '../duplicates/mismatch.ts'
import { USD_PER_GIB, usdOf } from '../duplicates/price.ts'
import { activeEdges, edgesOf } from '../edges/catalogue.ts'
import { directPath } from '../edges/direct.ts'
import type { Position } from '../edges/distance.ts'
import { DIRECT, type Standing } from '../edges/measurement.ts'
import { grantFor, type SignedGrant } from '../edges/offer.ts'
import { type Priority, type RankedPath, rankPaths } from '../edges/rank.ts'
import { roundedPath } from '../edges/rounded-path.ts'
import { readStanding } from '../edges/standing.ts'
import { allowanceOf, allowanceStatement } from '../quota/allowance.ts'
import { planUpload } from './plan-upload.ts'

const THROUGHPUT_DIGITS = 4

/** The file to be sent, from where, and what counts. `measurements` are round trips in ms by path id, null for a path out of reach. */
export type Wanted = {
  fileSize: number
  fileHash: string | null
  position: Position | null
  priority: Priority
  measurements: ReadonlyMap<string, number | null>
}

/** The answer of `optimal-edges`: sizes in bytes, times in seconds, distances in km, latencies in ms, rates in Mbit/s. */
export type Advice = {
  strategy: {
    chunkSize: number
    chunks: number
    threads: number
    compression: 'none'
    estimatedTime: number
    estimatedCost: number
    assumptions: { throughput: number; usdPerGib: number; source: 'measured' | 'estimated' }
  }
  edges: AdvisedPath[]
  grant: SignedGrant | null
  duplicate: StoredCopy | null
}

type AdvisedPath = Pick<
  RankedPath,
  'id' | 'url' | 'alternateUrls' | 'city' | 'country' | 'score' | 'weight' | 'errorRate' | 'source'
> & {
  distance: number | null
  latency: number
  load: number | null
  throughput: number
  age: number | null
}

type StoredCopy = {
  fileId: string | null
  url: string | null
  savedBytes: number
  savedCost: number
  message: string
}

/**
 * Ranks the paths for a file, plans the upload, and looks whether the account has the content already. Changes nothing.
 * Redis 1 and SQL 1, at the same time.
 *
 * @throws Problem `content-mismatch` when the content id cannot be that of a file of this size
 */
export async function adviseUpload(account: Account, wanted: Wanted): Promise<Advice> {
  const { fileSize, fileHash, position, priority, measurements } = wanted
  const contents = fileHash === null ? [] : [contentOf(fileHash, fileSize)]
  const [standing, [allowanceRows = [], edgeRows = [], duplicateRows = []]] = await Promise.all([
    readStanding({ accountId: account.id, position }),
    inOneTrip([
      allowanceStatement(account.id),
      activeEdges(),
      ...contents.map((content) => duplicatesStatement(account.id, [content])),
    ]),
  ])
  const { edgesEnabled, connectionsMax, quotaBytes, fileBytesMax } = allowanceOf(allowanceRows)
  const paths = rankPaths({
    edges: edgesEnabled ? edgesOf(edgeRows) : [],
    direct: directPath,
    standing,
    position,
    priority,
    measurements,
    now: Date.now(),
  })
  const relayIds = paths.map(({ id }) => id).filter((id) => id !== DIRECT)
  const [content] = contents
  const duplicate = content && duplicatesOf(duplicateRows).get(contentKey(content))
  return {
    strategy: describePlan(fileSize, { paths, connectionsMax, standing }),
    edges: paths.map(roundedPath).map(describePath),
    // A larger file is never taken, so it needs no grant either.
    grant: grantFor(account, relayIds, Math.min(fileSize, quotaBytes, fileBytesMax)),
    duplicate: duplicate ? describeDuplicate(duplicate) : null,
  }
}

function contentOf(fileHash: string, fileSize: number): { fileHash: string; fileSize: number } {
  const mismatch = mismatchOf({ fileHash, fileSize })
  if (mismatch) throw mismatch
  return { fileHash, fileSize }
}

function describePlan(
  fileSize: number,
  known: { paths: RankedPath[]; connectionsMax: number; standing: Standing },
): Advice['strategy'] {
  const { paths, connectionsMax, standing } = known
  const sent = [...standing.own].filter(([, { throughputMbps }]) => throughputMbps !== null)
  const sentOver = new Set(sent.map(([id]) => id))
  const plan = planUpload({ fileSize, paths, connectionsMax, sentOver })
  return {
    chunkSize: plan.chunkSize,
    chunks: plan.chunks,
    threads: plan.threads,
    compression: 'none',
    estimatedTime: plan.estimatedSeconds,
    estimatedCost: usdOf(fileSize),
    assumptions: {
      throughput: Number(plan.throughputMbps.toPrecision(THROUGHPUT_DIGITS)),
      usdPerGib: USD_PER_GIB,
      source: plan.source,
    },
  }
}

function describePath(path: RankedPath): AdvisedPath {
  const { distanceKm, latencyMs, loadPercent, throughputMbps, ageSeconds, ...same } = path
  return {
    ...same,
    distance: distanceKm,
    latency: latencyMs,
    load: loadPercent,
    throughput: throughputMbps,
    age: ageSeconds,
  }
}

function describeDuplicate({ fileId, trashed, path, fileSize }: Duplicate): StoredCopy {
  const isThere = fileId !== null && !trashed
  const where = isThere
    ? `This account stores it as ${path}.`
    : 'This account still keeps the bytes.'
  return {
    fileId,
    url: isThere ? downloadUrlOf(fileId) : null,
    savedBytes: fileSize,
    savedCost: usdOf(fileSize),
    message: `${where} Starting the upload makes a file of it without sending a byte.`,
  }
}
