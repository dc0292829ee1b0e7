import { refuse } from './refuse.ts'
import type { StoredObject } from './state.ts'

/** The four conditions of HTTP (RFC 9110, section 13), from whichever headers an operation reads them. */
export type Conditions = {
  ifMatch?: string
  ifNoneMatch?: string
  ifModifiedSince?: string
  ifUnmodifiedSince?: string
}

/**
 * Whether a stored object is what the caller knows already (If-None-Match, If-Modified-Since): 304 on a read.
 *
 * @throws PreconditionFailed for If-Match and If-Unmodified-Since that do not hold
 */
export function isKnown(object: StoredObject, conditions: Conditions): boolean {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, object))
      throw refuse('PreconditionFailed', undefined, { Condition: 'If-Match' })
  } else if (
    ifUnmodifiedSince !== undefined &&
    seconds(object.lastModified) > seconds(ifUnmodifiedSince)
  ) {
    throw refuse('PreconditionFailed', undefined, { Condition: 'If-Unmodified-Since' })
  }
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, object)
  return ifModifiedSince !== undefined && seconds(object.lastModified) <= seconds(ifModifiedSince)
}

/**
 * Decides whether a write may replace what stands under its key. Called before the body is read, to save the trip, and
 * again when it is stored, to decide.
 *
 * @throws PreconditionFailed, NoSuchKey for If-Match where nothing stands
 */
export function checkWrite(
  former: StoredObject | undefined,
  { ifMatch, ifNoneMatch }: Conditions,
): void {
  if (ifNoneMatch !== undefined && former && matches(ifNoneMatch, former)) {
    throw refuse('PreconditionFailed', undefined, { Condition: 'If-None-Match' })
  }
  if (ifMatch === undefined) return
  if (!former) throw refuse('NoSuchKey')
  if (!matches(ifMatch, former))
    throw refuse('PreconditionFailed', undefined, { Condition: 'If-Match' })
}

/** An ETag as it is kept: without quotes. */
export function unquote(etag: string): string {
  return etag.trim().replace(/^(?:W\/)?"(.*)"$/, '$1')
}

function matches(list: string, object: StoredObject): boolean {
  return list.split(',').some((each) => each.trim() === '*' || unquote(each) === object.etag)
}

/** HTTP dates count whole seconds. */
function seconds(date: string): number {
  return Math.floor(Date.parse(date) / 1000)
}
