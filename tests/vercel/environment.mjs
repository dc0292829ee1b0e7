const SECRET = 'only-for-the-build-check-0123456789'
const KEY = Buffer.alloc(32, 7).toString('base64')

/** A value for every name of lib/env.ts that is valid and leads nowhere: nothing listens on these addresses. */
export const ENVIRONMENT = {
  DATABASE_URL: 'postgres://nobody:nothing@localhost/nowhere',
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9',
  UPSTASH_REDIS_REST_TOKEN: SECRET,
  LYVE_ENDPOINT: 'http://127.0.0.1:9',
  LYVE_REGION: 'us-east-1',
  LYVE_BUCKET_NAME: 'nowhere',
  LYVE_ACCESS_KEY: 'nobody',
  LYVE_SECRET_KEY: SECRET,
  JETTYTHUNDER_API_URL: 'self',
  JETTYTHUNDER_WEBHOOK_SECRET: KEY,
  AGENTCACHE_WEBHOOK_SECRET: KEY,
  INTERNAL_WEBHOOK_SECRET: KEY,
  CRON_SECRET: SECRET,
  ADMIN_TOKEN: SECRET,
  JETTY_MASTER_KEY: KEY,
  EDGE_GRANT_PRIVATE_KEY: KEY,
  DEDUP_SCOPE: 'account',
}
