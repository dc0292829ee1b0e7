import { authenticateSecret } from '../../lib/accounts/api-secret.ts'
import { removeEndpoint, setEndpoint } from '../../lib/events/endpoint.ts'
import { sendTestEvent } from '../../lib/events/send-test.ts'
import { viewEvents } from '../../lib/events/view.ts'
import { parseBody } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import * as z from '../../lib/vendor/zod.js'

const Address = z.strictObject({ url: z.url() })

/** GET /api/agentcache/events: where events go, and how the last 20 fared. Bearer: the account's secret. SQL 2. */
export const GET = route(async (request) => {
  const { accountId } = await authenticateSecret(request)

  return Response.json(await viewEvents(accountId))
})

/** PUT /api/agentcache/events: sends events to this address from now on; the signing secret is shown once. SQL 2, DNS 1. */
export const PUT = route(async (request) => {
  const { accountId } = await authenticateSecret(request)
  const { url } = await parseBody(request, Address)

  return Response.json(await setEndpoint(accountId, url))
})

/** POST /api/agentcache/events: sends a `webhook.test`; how it fared is in GET. SQL 2. */
export const POST = route(async (request) => {
  const { accountId } = await authenticateSecret(request)

  return Response.json(await sendTestEvent(accountId), { status: 202 })
})

/** DELETE /api/agentcache/events: no more events; those that wait are given up. SQL 2. */
export const DELETE = route(async (request) => {
  const { accountId } = await authenticateSecret(request)

  await removeEndpoint(accountId)
  return Response.json({ url: null })
})
