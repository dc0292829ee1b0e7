import { authenticateSecret } from '../../lib/accounts/api-secret.ts'
import { listKeys, revokeKey, rotateKey, rotateSecret } from '../../lib/accounts/keys.ts'
import { parseBody, parseQuery } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import * as z from '../../lib/vendor/zod.js'

const DAY_SECONDS = 86_400

const Rotate = z.union([
  z.strictObject({ secret: z.literal(true) }),
  z.strictObject({
    overlapSeconds: z._default(
      z.int().check(z.nonnegative(), z.maximum(7 * DAY_SECONDS)),
      DAY_SECONDS,
    ),
  }),
])
const Revoke = z.object({ keyId: z.string().check(z.regex(/^[0-9a-f]{16}$/)) })

/** GET /api/agentcache/keys: the account's keys, without themselves. Bearer: the account's secret. SQL 2, Redis 1. */
export const GET = route(async (request) => {
  const { accountId } = await authenticateSecret(request)

  return Response.json({ keys: await listKeys(accountId) })
})

/** POST /api/agentcache/keys: a new key beside the last one, or a new secret; shown once. SQL 2, Redis 2. */
export const POST = route(async (request) => {
  const holder = await authenticateSecret(request)
  const wanted = await parseBody(request, Rotate)

  if ('secret' in wanted) return Response.json({ apiSecret: await rotateSecret(holder) })
  return Response.json(await rotateKey(holder.accountId, wanted.overlapSeconds))
})

/** DELETE /api/agentcache/keys: revokes a key. SQL 2, Redis 2. */
export const DELETE = route(async (request) => {
  const { accountId } = await authenticateSecret(request)
  const { keyId } = parseQuery(request, Revoke)

  await revokeKey(accountId, keyId)
  return Response.json({ keyId, revoked: true })
})
