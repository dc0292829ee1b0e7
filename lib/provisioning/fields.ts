import * as z from '../vendor/zod.js'

/** Whose account it is, as the customer's own system calls the user. */
export const UserId = z.string().check(
  z.regex(/^(?!\.{1,2}$)[A-Za-z0-9_.:@-]{1,128}$/, {
    error: 'expected 1 to 128 of A-Z a-z 0-9 _ . : @ -, not "." or ".."',
  }),
)

/** Where the user reads mail; kept for the operator, nothing is sent to it. */
export const Email = z
  .string()
  .check(
    z.maxLength(254),
    z.regex(/^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u, { error: 'expected an email address' }),
  )

export const Tier = z.enum(['free', 'starter', 'pro', 'business', 'enterprise'])
export type Tier = z.infer<typeof Tier>

export const Status = z.enum(['active', 'suspended', 'deleted'])
export type Status = z.infer<typeof Status>
