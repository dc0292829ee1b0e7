import { query } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { sql } from '../vendor/orm.js'
import * as z from '../vendor/zod.js'
import { verifyWebhook } from '../webhooks/standard.ts'

/** Far above what a relay says of itself. */
const BODY_CHARS_MAX = 4_096
const CACHE_MS = 60_000
/** How soon a refused signature has the keys read again: a relay may just have been registered, or got another key. */
const REREAD_MS = 5_000

const Signed = z.object({ id: z.string() })

type Keys = Map<string, string>

let latest: { at: number; keys: Promise<Keys> } | undefined

/**
 * What a registered relay says, and when it said so by its own clock (ms since 1970): a Standard Webhook signed with the
 * key of the relay that its `id` names. Keys are kept for a minute and read again, at most every 5 s, before one is
 * refused; so what strangers send costs nothing more, and without a signature nothing. SQL 0 to 1.
 *
 * @throws Problem `unauthorized`, the same for everything that such a relay did not sign just now
 */
export async function authenticateRelay(
  request: Request,
): Promise<{ said: unknown; saidAt: number }> {
  if (!request.headers.has('webhook-signature')) throw unauthorized()
  const text = await request.text()
  const said = text.length <= BODY_CHARS_MAX ? parse(text) : null
  const id = z.safeParse(Signed, said).data?.id ?? ''
  for (const age of [CACHE_MS, REREAD_MS]) {
    const publicKey = (await keysNotOlderThan(age)).get(id)
    const signed = publicKey && verifyWebhook(request.headers, text, [`whpk_${publicKey}`])
    if (signed) return { said, saidAt: signed.timestamp * 1000 }
  }
  throw unauthorized()
}

function unauthorized(): Problem {
  return new Problem('unauthorized', 'This is not signed by a registered relay.')
}

async function keysNotOlderThan(ms: number): Promise<Keys> {
  if (!latest || Date.now() - latest.at > ms) {
    latest = { at: Date.now(), keys: readKeys() }
    latest.keys.catch(() => {
      latest = undefined
    })
  }
  return await latest.keys
}

async function readKeys(): Promise<Keys> {
  const rows = await query(sql`
    SELECT id, public_key FROM edge_locations WHERE public_key IS NOT NULL`)
  return new Map(rows.map((row) => [column.text(row, 'id'), column.text(row, 'public_key')]))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
