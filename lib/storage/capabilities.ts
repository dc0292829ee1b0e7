import { query } from '../db/client.ts'
import { sql } from '../vendor/orm.js'
import * as z from '../vendor/zod.js'
import { Capabilities } from './capability.ts'
import { store } from './config.ts'

/**
 * What the configured store does. From this process's memory; else one SELECT; else, the first time a store is seen, the
 * probe and one upsert. A row that another version of the probe wrote counts as none.
 *
 * @throws Problem `store-unavailable` when the store has to be probed and does not answer; asked again, it tries again
 */
export function getCapabilities(): Promise<Capabilities> {
  known ??= findOrProbe().catch((error: unknown) => {
    known = undefined
    throw error
  })
  return known
}

/** Keeps the result of a probe for this store, in place of an earlier one: one statement. */
export async function keepCapabilities(capabilities: Capabilities): Promise<void> {
  await query(sql`
    INSERT INTO store_capabilities (endpoint, bucket, capabilities, probed_at)
    VALUES (${store.endpoint}, ${store.bucket}, ${JSON.stringify(capabilities)}, ${capabilities.probedAt})
    ON CONFLICT (endpoint, bucket)
    DO UPDATE SET capabilities = excluded.capabilities, probed_at = excluded.probed_at`)
}

let known: Promise<Capabilities> | undefined

async function findOrProbe(): Promise<Capabilities> {
  const [row] = await query(sql`
    SELECT capabilities FROM store_capabilities WHERE endpoint = ${store.endpoint} AND bucket = ${store.bucket}`)
  const stored = z.safeParse(Capabilities, row?.capabilities)
  if (stored.success) return stored.data

  // A store is probed once in its life: no endpoint pays for loading this.
  const { probeStore } = await import('./probe.ts')
  const probed = await probeStore()
  await keepCapabilities(probed)
  return probed
}
