import { randomBytes } from 'node:crypto'

const USER_ID = /^[A-Za-z0-9_.:@-]{1,128}$/
/** 128 bits cannot be guessed and, drawn at random, do not meet. */
const OBJECT_NAME_BYTES = 16

/**
 * A new object key, `users/{userId}/{32 hex}`: one per upload, never reused, and under a prefix that is the account's
 * alone, because a user id has no `/` and is neither `.` nor `..`.
 *
 * @throws RangeError for a user id outside 1–128 of `[A-Za-z0-9_.:@-]`
 */
export function newObjectKey(userId: string): string {
  if (!USER_ID.test(userId) || userId === '.' || userId === '..') {
    throw new RangeError(
      'A user id has 1 to 128 characters of [A-Za-z0-9_.:@-] and is neither . nor ..',
    )
  }
  return `users/${userId}/${randomBytes(OBJECT_NAME_BYTES).toString('hex')}`
}

/** Where the chunk manifest of an object lies: beside it, and no object's own key. */
export function manifestKeyOf(objectKey: string): string {
  return `${objectKey}.manifest`
}
