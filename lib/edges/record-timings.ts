import { fieldNames, readFields } from './fields.ts'
import { type Change, readHashes, writeHashes } from './hashes.ts'
import { contributionsHash, contributorOf, type Hash, ownHash, sharedHash } from './keys.ts'
import type { PathTiming, Viewer } from './measurement.ts'
import { isUsable, PATHS_MAX, readOwn, takeTimings } from './own.ts'
import { regionOf } from './region.ts'
import {
  type Contribution,
  contributionOf,
  keepNewest,
  readContribution,
  shareOf,
} from './shared.ts'

/**
 * Takes over what an account's client saw of its paths: into its own ranking at once, and into the shared one as one
 * voice of several. Redis 2: one to read, one to write; away, the report is lost. Nothing is locked in between, so of two
 * reports at once one may be lost; every field is replaced whole, so none is ever half of each.
 *
 * Path ids are checked for their form only: pass those that the catalogue has.
 */
export async function recordTimings(viewer: Viewer, timings: PathTiming[]): Promise<void> {
  const usable = timings.filter(isUsable)
  const paths = [...new Set(usable.map(({ edgeId }) => edgeId))].slice(0, PATHS_MAX)
  if (paths.length === 0) return
  const hash = ownHash(viewer.accountId)
  const replies = await readHashes([hash, ...paths.map(contributionsHash)])
  if (replies === null) return

  const now = Date.now()
  const [reply, ...said] = replies
  const reported = usable.filter(({ edgeId }) => paths.includes(edgeId))
  const before = readFields(reply, (value) => readOwn(value, now))
  const { own, changed } = takeTimings(before, reported, now)
  const changes = differences(hash, reply, { kept: own, changed })

  const tried = new Set(reported.filter((t) => t.parts + t.failures > 0).map((t) => t.edgeId))
  const contributor = contributorOf(viewer.accountId)
  const region = regionOf(viewer.position)
  for (const [n, pathId] of paths.entries()) {
    const mine = tried.has(pathId) ? contributionOf(own, pathId, { region, now }) : null
    if (mine) changes.push(...contribute(pathId, said[n], { contributor, mine, now }))
  }
  await writeHashes(changes)
}

type Voice = { contributor: string; mine: Contribution; now: number }

/** One voice put among those of a path, and what they now say together: to all, in its region, and in the one it left. */
function contribute(pathId: string, reply: unknown, { contributor, mine, now }: Voice): Change[] {
  const said = readFields(reply, (value) => readContribution(value, now))
  const regions = new Set([null, mine.region, said.get(contributor)?.region ?? null])
  const kept = keepNewest(said.set(contributor, mine))
  return [
    ...differences(contributionsHash(pathId), reply, { kept, changed: [contributor] }),
    ...[...regions].map((region) => {
      const among = [...kept.values()].filter((one) => region === null || one.region === region)
      return { hash: sharedHash(region), field: pathId, value: shareOf(among, now) }
    }),
  ]
}

/** What turns the hash as it was read into what is kept: what changed is written, what is not kept is deleted. */
function differences(
  hash: Hash,
  reply: unknown,
  after: { kept: ReadonlyMap<string, object>; changed: Iterable<string> },
): Change[] {
  const gone = fieldNames(reply).filter((field) => !after.kept.has(field))
  return [
    ...gone.map((field) => ({ hash, field, value: null })),
    ...[...after.changed].map((field) => ({ hash, field, value: after.kept.get(field) ?? null })),
  ]
}
