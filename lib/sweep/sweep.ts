import { describeError, log } from '../log.ts'
import { type Deadlines, deadlinesFrom } from '../uploads/complete.ts'
import { endAccounts } from './accounts.ts'
import { removeBlobs } from './blobs.ts'
import { forgetOld } from './forget.ts'
import { abortOrphans } from './orphans.ts'
import { reconcileUsage } from './reconcile.ts'
import { endTrash } from './trash.ts'
import { expireUploads, finishStale, releaseEnded } from './uploads.ts'

/**
 * What a run did: completions finished for functions that died, uploads expired, reservations given back, files ended
 * (trash, deleted accounts), blobs removed, orphaned multipart uploads aborted, accounts whose usage was compared with their
 * files, and how many of those differed.
 */
export type Swept = Record<
  | 'completed'
  | 'expired'
  | 'released'
  | 'trashed'
  | 'blobs'
  | 'orphans'
  | 'reconciled'
  | 'differences',
  number
>

type Step = (deadlines: Deadlines) => Promise<Partial<Swept>>

const IN_POSTGRES: Record<string, Step> = {
  accounts: endAccounts,
  expiry: async (deadlines) => ({ expired: await expireUploads(deadlines) }),
  trash: async (deadlines) => ({ trashed: await endTrash(deadlines) }),
  usage: reconcileUsage,
  forgetting: async () => {
    await forgetOld()
    return {}
  },
}

const AT_THE_STORE: Record<string, Step> = {
  completions: async (deadlines) => ({ completed: await finishStale(deadlines) }),
  releases: async (deadlines) => ({ released: await releaseEnded(deadlines) }),
  blobs: async (deadlines) => ({ blobs: await removeBlobs(deadlines) }),
  orphans: async (deadlines) => ({ orphans: await abortOrphans(deadlines) }),
}

/**
 * Ends what is over and nobody ends. Bounded in time and rows, and resumable: what a run leaves, the next one finds. Safe to
 * run twice at once: each step is conditional statements of its own, under the account's lock where they decide about an
 * account. A step that fails keeps no other from running; what fails for one account or object is logged and left
 * to the next run.
 *
 * Round trips: SQL 10 with nothing to do, else as the steps say; S3 as the steps say.
 *
 * @throws what the first step that failed as a whole threw, once all have run
 */
export async function sweep(): Promise<Swept> {
  const deadlines = deadlinesFrom(Date.now())
  const failures: unknown[] = []
  const attempt = async ([step, act]: [string, Step]) => {
    try {
      return await act(deadlines)
    } catch (error) {
      log('error', 'a step of the sweep failed', { step, ...describeError(error) })
      failures.push(error)
      return {}
    }
  }

  const did: Partial<Swept>[] = []
  for (const step of Object.entries(IN_POSTGRES)) did.push(await attempt(step))
  // Side by side, so that a slow store keeps none of them from beginning.
  did.push(...(await Promise.all(Object.entries(AT_THE_STORE).map(attempt))))
  if (failures.length > 0) throw failures[0]
  return sumOf(did)
}

function sumOf(counts: Partial<Swept>[]): Swept {
  const sum = (name: keyof Swept) => counts.reduce((total, one) => total + (one[name] ?? 0), 0)
  return {
    completed: sum('completed'),
    expired: sum('expired'),
    released: sum('released'),
    trashed: sum('trashed'),
    blobs: sum('blobs'),
    orphans: sum('orphans'),
    reconciled: sum('reconciled'),
    differences: sum('differences'),
  }
}
