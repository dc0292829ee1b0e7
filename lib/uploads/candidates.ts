import { randomUUID } from 'node:crypto'
import type { Account } from '../accounts/authenticate.ts'
import { Problem } from '../problem.ts'
import { newObjectKey } from '../storage/keys.ts'
import { contentOf } from './content.ts'
import type { Candidate } from './decide-statement.ts'
import type { NewFile } from './fields.ts'
import { faultOfDescription } from './manifest.ts'

const PARTS_PER_START_MAX = 20_000

/**
 * Makes candidates of the files of a start, in their order; what cannot be one stays or becomes a `Problem` and fails
 * alone. Files of the same content share the ids of one upload.
 *
 * @throws Problem `too-large` where the files together have more parts than one call takes
 */
export async function candidatesOf(
  account: Account,
  wanted: readonly (NewFile | Problem)[],
): Promise<(Candidate | Problem)[]> {
  const judged = await Promise.all(refuseRepeatedPaths(wanted).map(withContent))
  const partCount = judged.reduce(
    (sum, file) => sum + (file instanceof Problem ? 0 : file.partCount),
    0,
  )
  if (partCount > PARTS_PER_START_MAX) {
    throw new Problem(
      'too-large',
      `One call takes ${PARTS_PER_START_MAX} parts, not ${partCount}; split the batch.`,
      {
        partsMax: PARTS_PER_START_MAX,
      },
    )
  }

  const shared = new Map<string, { uploadId: string; storageKey: string }>()
  return judged.map((file) => {
    if (file instanceof Problem) return file
    const content = `${file.fileHash} ${file.fileSize}`
    const ids = shared.get(content) ?? {
      uploadId: randomUUID(),
      storageKey: newObjectKey(account.userId),
    }
    shared.set(content, ids)
    return { ...file, ...ids }
  })
}

function refuseRepeatedPaths(wanted: readonly (NewFile | Problem)[]): (NewFile | Problem)[] {
  const seen = new Set<string>()
  return wanted.map((file) => {
    if (file instanceof Problem) return file
    if (seen.has(file.path))
      return new Problem('invalid-request', '/path: this path appears twice in the call')
    seen.add(file.path)
    return file
  })
}

async function withContent(file: NewFile | Problem) {
  if (file instanceof Problem) return file
  const content = faultOfDescription(file) ?? (await contentOf(file))
  return content instanceof Problem ? content : { ...file, ...content }
}
