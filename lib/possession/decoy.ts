import { createHash } from 'node:crypto'
import { headObject, putObject, type StoredObject } from '../storage/objects.ts'
import { type ByteRange, WHOLE_BYTES_MAX } from './sample.ts'

const KEY = '.jetty-possession/decoy'

/** What is read where nobody has a content: an object of the service's own. */
export type Decoy = { key: string; etag: string }

/**
 * The decoy, from this process's memory; else one HEAD; else, once in a store's life, it is made. Its bytes are always the
 * same, so that two that make it at once make the same object.
 *
 * @throws Problem `store-unavailable`; asked again, it tries again
 */
export function decoy(): Promise<Decoy> {
  known ??= findOrMake().catch((error: unknown) => {
    known = undefined
    throw error
  })
  return known
}

/** As many ranges of the same sizes, of the decoy. */
export function decoyRanges(ranges: readonly ByteRange[]): ByteRange[] {
  return ranges.map(([offset, length]) => [offset % (WHOLE_BYTES_MAX - length + 1), length])
}

let known: Promise<Decoy> | undefined

async function findOrMake(): Promise<Decoy> {
  const found = await headObject(KEY)
  const { etag } = found?.size === WHOLE_BYTES_MAX ? found : await make()
  return { key: KEY, etag }
}

async function make(): Promise<StoredObject> {
  const bytes = createHash('shake256', { outputLength: WHOLE_BYTES_MAX }).update(KEY).digest()
  await putObject(KEY, bytes)
  const made = await headObject(KEY)
  if (!made) throw new Error('The store does not have what it has just stored')
  return made
}
