import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { EDGES, TIERS } from './catalogue.ts'

type Client = Pick<pg.Client, 'query'>

/**
 * Puts the 20 edges and the 5 tiers into a migrated database. Safe to repeat: positions are brought up to date, while
 * tiers that an operator changed and relays that are registered stay as they are.
 */
export async function seed(client: Client): Promise<void> {
  await client.query(INSERT_TIERS, [JSON.stringify(TIERS)])
  await client.query(INSERT_EDGES, [JSON.stringify(EDGES)])
}

const INSERT_TIERS = `
  INSERT INTO tier_configs (tier, storage_quota_bytes, bandwidth_quota_bytes, file_bytes_max, jetty_speed_enabled,
                            connections_max, rate_limit_per_minute, price_monthly_cents)
  SELECT tier, "storageQuotaBytes", "bandwidthQuotaBytes", "fileBytesMax", "jettySpeedEnabled", "connectionsMax",
         "rateLimitPerMinute", "priceMonthlyCents"
  FROM jsonb_to_recordset($1::jsonb) AS t(
    tier text, "storageQuotaBytes" bigint, "bandwidthQuotaBytes" bigint, "fileBytesMax" bigint,
    "jettySpeedEnabled" boolean, "connectionsMax" int, "rateLimitPerMinute" int, "priceMonthlyCents" int)
  ON CONFLICT (tier) DO NOTHING`

const INSERT_EDGES = `
  INSERT INTO edge_locations (id, city, country, lat, lng)
  SELECT id, city, country, lat, lng
  FROM jsonb_to_recordset($1::jsonb) AS e(id text, city text, country text, lat float8, lng float8)
  ON CONFLICT (id) DO UPDATE
    SET city = excluded.city, country = excluded.country, lat = excluded.lat, lng = excluded.lng`

async function main(): Promise<void> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
  await client.connect()
  await seed(client)
  await client.end()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
