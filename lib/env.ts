import * as z from './vendor/zod.js'

// zod/mini comes without words; these say which rule was broken.
z.config(z.en())

const Secret = z.string().check(z.minLength(32))
/** One or several, newest first: what Standard Webhooks signs with, at least 192 bits each. */
const WebhookSecrets = z.string().check(
  z.regex(/^(whsec_)?[A-Za-z0-9+/]{32,}={0,2}(,(whsec_)?[A-Za-z0-9+/]{32,}={0,2})*$/, {
    error: 'expected at least 24 random bytes in base64, newest first where there are several',
  }),
)
const Url = z.url({ protocol: /^https?$/ })

/** Every setting of a deployment. `.env.example` lists the same names; a test compares them. */
export const Environment = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  UPSTASH_REDIS_REST_URL: Url,
  UPSTASH_REDIS_REST_TOKEN: z.string().check(z.minLength(16)),
  /** How long a call waits for Redis before it goes on without. */
  REDIS_TIMEOUT_MS: z._default(z.coerce.number().check(z.minimum(100), z.maximum(10_000)), 800),
  LYVE_ENDPOINT: Url,
  LYVE_REGION: z.string().check(z.minLength(1)),
  LYVE_BUCKET_NAME: z.string().check(z.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)),
  LYVE_ACCESS_KEY: z.string().check(z.minLength(3)),
  LYVE_SECRET_KEY: z.string().check(z.minLength(16)),
  JETTYTHUNDER_API_URL: z.union([z.literal('self'), Url]),
  JETTYTHUNDER_WEBHOOK_SECRET: WebhookSecrets,
  AGENTCACHE_WEBHOOK_SECRET: WebhookSecrets,
  INTERNAL_WEBHOOK_SECRET: WebhookSecrets,
  CRON_SECRET: Secret,
  ADMIN_TOKEN: Secret,
  JETTY_MASTER_KEY: z.string().check(
    z.refine((list) => masterKeys(list).every((key) => key.length === 32), {
      error:
        'expected 32 random bytes in base64, newest first where there are several (comma-separated)',
    }),
  ),
  EDGE_GRANT_PRIVATE_KEY: z.string().check(
    z.refine((text) => Buffer.from(text, 'base64').length === 32, {
      error: 'expected the 32-byte Ed25519 seed in base64',
    }),
  ),
  DEDUP_SCOPE: z._default(z.enum(['account', 'global']), 'account'),
  LYVE_POSITION: z.optional(
    z.string().check(
      z.refine((text) => positionOf(text) !== null, {
        error: 'expected latitude,longitude in degrees, such as 38.9,-77.4',
      }),
    ),
  ),
  EVENTS_ALLOWED_HOSTS: z.optional(
    z.string().check(z.regex(/^[a-z0-9.-]+(:\d{1,5})?(,[a-z0-9.-]+(:\d{1,5})?)*$/)),
  ),
  JOBS_AFTER_REQUESTS: z._default(z.enum(['on', 'off']), 'on'),
  WEBHOOK_BEARER_SECRET: z.optional(Secret),
  VERCEL_AUTOMATION_BYPASS_SECRET: z.optional(z.string().check(z.minLength(1))),
})

export type Environment = z.infer<typeof Environment>

/**
 * Parses an environment; empty values count as missing.
 *
 * @throws Error that names every missing or unusable value at once
 */
export function parseEnvironment(values: Record<string, string | undefined>): Environment {
  const present = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''))
  const parsed = z.safeParse(Environment, present)
  if (parsed.success && !isSharedBearer(parsed.data)) return parsed.data

  const lines = (parsed.error?.issues ?? [SHARED_BEARER]).map(({ path, message }) => {
    const name = path.map(String).join('.')
    return present[name] === undefined ? `  ${name} is missing` : `  ${name}: ${message}`
  })
  throw new Error(`The environment is incomplete (see .env.example):\n${lines.join('\n')}`)
}

const SHARED_BEARER = {
  path: ['WEBHOOK_BEARER_SECRET'],
  message: 'expected a value of its own; it is one of the signing secrets',
}

/** A signing secret never travels; as a bearer it would, with every call. */
function isSharedBearer(settings: Environment): boolean {
  const { WEBHOOK_BEARER_SECRET: bearer } = settings
  const signing = [
    settings.INTERNAL_WEBHOOK_SECRET,
    settings.AGENTCACHE_WEBHOOK_SECRET,
    settings.JETTYTHUNDER_WEBHOOK_SECRET,
  ].flatMap((list) => list.split(',').flatMap((one) => [one, one.replace(/^whsec_/, '')]))
  return (
    bearer !== undefined && [bearer, bearer.replace(/^whsec_/, '')].some((b) => signing.includes(b))
  )
}

/** The 32-byte keys of JETTY_MASTER_KEY, newest first. */
export function masterKeys(list: string): Buffer[] {
  return list.split(',').map((key) => Buffer.from(key.trim(), 'base64'))
}

/** A position as LYVE_POSITION has it, or null. */
export function positionOf(text: string): { lat: number; lng: number } | null {
  const match = /^(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)$/.exec(text)
  if (!match) return null
  const [lat, lng] = [Number(match[1]), Number(match[2])]
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : null
}

/** The settings of this process. */
export const env = parseEnvironment(process.env)
