import { postgresContract } from './postgres.ts'

postgresContract({
  name: 'embedded PostgreSQL behind the local front',
  kind: 'embedded',
  start: async () => ({
    url: process.env.DATABASE_URL ?? '',
    endpoint: process.env.JETTY_NEON_HTTP,
    stop: async () => {},
  }),
})
