import { drainEdge, registerEdge, retireEdge } from '../lib/edges/registry.ts'
import { readEdges } from '../lib/edges/status.ts'
import { env } from '../lib/env.ts'
import { parseBody, parseQuery } from '../lib/http/parse.ts'
import { route } from '../lib/http/route.ts'
import { requireSecret } from '../lib/http/secret.ts'
import * as z from '../lib/vendor/zod.js'

/** As relays and grants have it. */
const EdgeId = z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/))
const Words = z.string().check(z.minLength(1), z.maxLength(64), z.regex(/^\P{Cc}*$/u))

/** Where a relay answers, without a path. Plain http is taken, for relays on loopback and in private networks. */
const EdgeUrl = z.pipe(
  z.url({ protocol: /^https?$/, error: 'expected http(s)://host[:port]' }).check(
    z.maxLength(255),
    z.refine((text) => URL.canParse(text) && new URL(text).href === `${new URL(text).origin}/`, {
      error: 'expected http(s)://host[:port] without a path',
    }),
  ),
  z.transform((text: string) => new URL(text).origin),
)
const PublicKey = z.pipe(
  z
    .string()
    .check(z.regex(/^(?:whpk_)?[A-Za-z0-9+/]{43}=$/, { error: 'expected 32 bytes in base64' })),
  z.transform((text: string) => text.replace('whpk_', '')),
)

/** Further names of the relay, for browsers, which open about six connections to one. */
const AlternateUrls = z.array(EdgeUrl).check(z.maxLength(2))

const Register = z.object({
  id: EdgeId,
  url: EdgeUrl,
  alternateUrls: z._default(AlternateUrls, []),
  publicKey: PublicKey,
  city: z.optional(Words),
  country: z.optional(z.string().check(z.regex(/^[A-Z]{2}$/))),
  lat: z.optional(z.number().check(z.minimum(-90), z.maximum(90))),
  lng: z.optional(z.number().check(z.minimum(-180), z.maximum(180))),
  provider: z.optional(Words),
})
const Drain = z.object({ id: EdgeId, draining: z.boolean() })
const Retire = z.object({ id: EdgeId })

/** GET /api/edges: the whole catalogue and how each relay is. Open to all. Redis 1, SQL 1, at most every 10 s. */
export const GET = route(async () => {
  const edges = await readEdges()

  const headers = { 'cache-control': 'public, max-age=10, s-maxage=10' }
  return Response.json({ edges, serverTime: new Date().toISOString() }, { headers })
})

/** POST /api/edges: registers a relay, or changes it, after asking it how it is. For ADMIN_TOKEN. Redis 1, SQL 1. */
export const POST = route(async (request) => {
  requireSecret(request, env.ADMIN_TOKEN)
  const registration = await parseBody(request, Register)

  return Response.json(await registerEdge(registration))
})

/** PATCH /api/edges: takes a relay out of new offers, or back in. For ADMIN_TOKEN. Redis 1, SQL 1. */
export const PATCH = route(async (request) => {
  requireSecret(request, env.ADMIN_TOKEN)
  const { id, draining } = await parseBody(request, Drain)

  return Response.json(await drainEdge(id, draining))
})

/** DELETE /api/edges: retires a relay. For ADMIN_TOKEN. Redis 1, SQL 1. */
export const DELETE = route(async (request) => {
  requireSecret(request, env.ADMIN_TOKEN)
  const { id } = parseQuery(request, Retire)

  return Response.json(await retireEdge(id))
})
