import { test } from 'vitest'
import { postgresContract } from './postgres.ts'

const url = process.env.REAL_DATABASE_URL

if (url) {
  // The driver's own rule for Neon's hosts, which the preload of the tests has replaced.
  const endpoint = `https://${new URL(url).hostname.replace(/^[^.]+\./, 'api.')}/sql`
  const start = async () => ({ url, endpoint, stop: async () => {} })
  postgresContract({ name: 'Neon', kind: 'neon', start })
} else {
  test.todo('not run: Neon, because REAL_DATABASE_URL is not set')
}
