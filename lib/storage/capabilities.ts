import { storeCapabilities } from '../../drizzle/schema.ts'
import { db } from '../db/client.ts'
import { and, eq } from '../vendor/orm.js'
import * as z from '../vendor/zod.js'
import { store } from './config.ts'
import { Capabilities, probeStore } from './probe.ts'

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
  const values = { capabilities, probedAt: capabilities.probedAt }
  await db
    .insert(storeCapabilities)
    .values({ endpoint: store.endpoint, bucket: store.bucket, ...values })
    .onConflictDoUpdate({
      target: [storeCapabilities.endpoint, storeCapabilities.bucket],
      set: values,
    })
}

let known: Promise<Capabilities> | undefined

async function findOrProbe(): Promise<Capabilities> {
  const { endpoint, bucket } = storeCapabilities
  const [row] = await db
    .select({ capabilities: storeCapabilities.capabilities })
    .from(storeCapabilities)
    .where(and(eq(endpoint, store.endpoint), eq(bucket, store.bucket)))
  const stored = z.safeParse(Capabilities, row?.capabilities)
  if (stored.success) return stored.data

  const probed = await probeStore()
  await keepCapabilities(probed)
  return probed
}
