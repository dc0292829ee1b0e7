import { randomUUID } from 'node:crypto'
import pg from 'pg'

/** A new, empty database on the stack's server, for tests that no other may notice. */
export async function aDatabase(): Promise<{ url: string; client: pg.Client }> {
  const name = `t${randomUUID().replaceAll('-', '')}`
  const stack = new URL(process.env.DATABASE_URL ?? '')
  const admin = new pg.Client({ connectionString: stack.href })
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()

  const url = new URL(`/${name}`, stack).href
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return { url, client }
}
