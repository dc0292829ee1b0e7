import * as z from '../vendor/zod.js'

/** A uuid of ours, in the lower case that the database answers with, however it was written. */
export const Id = z.pipe(
  z.uuid(),
  z.transform((text: string) => text.toLowerCase()),
)
