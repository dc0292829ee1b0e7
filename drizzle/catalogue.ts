const GIB = 1024 ** 3
const TIB = 1024 ** 4

/** The five tiers: sizes in GiB of the price list as bytes; a file may be as large as the quota, enterprise 5 TiB. */
export const TIERS = [
  tier('free', { storage: 0, bandwidth: 0, edges: false, connections: 4, perMinute: 10, cents: 0 }),
  tier('starter', {
    storage: 2,
    bandwidth: 10,
    edges: false,
    connections: 8,
    perMinute: 60,
    cents: 1_900,
  }),
  tier('pro', {
    storage: 20,
    bandwidth: 100,
    edges: true,
    connections: 16,
    perMinute: 300,
    cents: 4_900,
  }),
  tier('business', {
    storage: 100,
    bandwidth: 500,
    edges: true,
    connections: 24,
    perMinute: 1_000,
    cents: 14_900,
  }),
  {
    ...tier('enterprise', {
      storage: 1_000,
      bandwidth: 5_000,
      edges: true,
      connections: 32,
      perMinute: 10_000,
      cents: 50_000,
    }),
    fileBytesMax: 5 * TIB,
  },
]

/** The 20 locations. None is offered before a relay there is registered with its URL. */
export const EDGES = [
  edge('sfo-1', 'San Francisco', ['US', 37.7749, -122.4194]),
  edge('lax-1', 'Los Angeles', ['US', 34.0522, -118.2437]),
  edge('sea-1', 'Seattle', ['US', 47.6062, -122.3321]),
  edge('nyc-1', 'New York', ['US', 40.7128, -74.006]),
  edge('atl-1', 'Atlanta', ['US', 33.749, -84.388]),
  edge('chi-1', 'Chicago', ['US', 41.8781, -87.6298]),
  edge('dfw-1', 'Dallas', ['US', 32.7767, -96.797]),
  edge('mia-1', 'Miami', ['US', 25.7617, -80.1918]),
  edge('bos-1', 'Boston', ['US', 42.3601, -71.0589]),
  edge('den-1', 'Denver', ['US', 39.7392, -104.9903]),
  edge('lon-1', 'London', ['GB', 51.5074, -0.1278]),
  edge('par-1', 'Paris', ['FR', 48.8566, 2.3522]),
  edge('fra-1', 'Frankfurt', ['DE', 50.1109, 8.6821]),
  edge('ams-1', 'Amsterdam', ['NL', 52.3676, 4.9041]),
  edge('sin-1', 'Singapore', ['SG', 1.3521, 103.8198]),
  edge('hkg-1', 'Hong Kong', ['HK', 22.3193, 114.1694]),
  edge('tyo-1', 'Tokyo', ['JP', 35.6762, 139.6503]),
  edge('syd-1', 'Sydney', ['AU', -33.8688, 151.2093]),
  edge('tor-1', 'Toronto', ['CA', 43.6532, -79.3832]),
  edge('sao-1', 'São Paulo', ['BR', -23.5505, -46.6333]),
]

type Allowance = {
  storage: number
  bandwidth: number
  edges: boolean
  connections: number
  perMinute: number
  cents: number
}

function tier(name: string, allowance: Allowance) {
  return {
    tier: name,
    storageQuotaBytes: allowance.storage * GIB,
    bandwidthQuotaBytes: allowance.bandwidth * GIB,
    fileBytesMax: allowance.storage * GIB,
    jettySpeedEnabled: allowance.edges,
    connectionsMax: allowance.connections,
    rateLimitPerMinute: allowance.perMinute,
    priceMonthlyCents: allowance.cents,
  }
}

function edge(id: string, city: string, at: [country: string, lat: number, lng: number]) {
  const [country, lat, lng] = at
  return { id, city, country, lat, lng }
}
