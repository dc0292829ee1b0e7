import { neonConfig } from '../../lib/vendor/orm.js'
import { type ServiceProxy, startProxy } from './proxy.ts'

export type Proxies = { sql: ServiceProxy; redis: ServiceProxy; s3: ServiceProxy }

/**
 * Puts a proxy before each service of this test file. Call it before anything of lib/ is imported: the environment is
 * read once.
 */
export async function throughProxies(): Promise<Proxies> {
  const { JETTY_NEON_HTTP = '', UPSTASH_REDIS_REST_URL = '', LYVE_ENDPOINT = '' } = process.env
  const [sql, redis, s3] = await Promise.all(
    [JETTY_NEON_HTTP, UPSTASH_REDIS_REST_URL, LYVE_ENDPOINT].map(startProxy),
  )
  if (!sql || !redis || !s3) throw new Error('no proxies')
  neonConfig.fetchEndpoint = sql.url
  process.env.UPSTASH_REDIS_REST_URL = redis.url
  process.env.LYVE_ENDPOINT = s3.url
  return { sql, redis, s3 }
}
