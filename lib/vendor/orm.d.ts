export { neon, neonConfig } from '@neondatabase/serverless'
export type { SQL } from 'drizzle-orm'
export { sql } from 'drizzle-orm'
export { drizzle } from 'drizzle-orm/neon-http'
