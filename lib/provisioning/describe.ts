import { env } from '../env.ts'
import { CREDENTIAL_DAYS } from './credentials.ts'
import type { Provisioned } from './provision.ts'

/** What is said instead of credentials that are not shown any more. */
export const NOT_SHOWN = `Credentials are shown for ${CREDENTIAL_DAYS} days. With the account secret (jts_…), POST /api/agentcache/keys makes new ones.`

/** The answer of the storage side, in its own field names; `_gb` are GiB. */
export function describeProvisioned(
  { account, credentials, isNew }: Provisioned,
  userId: string,
): Record<string, unknown> {
  return {
    success: true,
    cached: !isNew,
    ...(credentials === null && { message: NOT_SHOWN }),
    account: {
      ...account,
      api_key: credentials?.apiKey ?? null,
      api_secret: credentials?.apiSecret ?? null,
      ...(credentials?.eventSecret && { webhook_secret: credentials.eventSecret }),
      s3_bucket: env.LYVE_BUCKET_NAME,
      s3_prefix: `users/${userId}`,
    },
  }
}
