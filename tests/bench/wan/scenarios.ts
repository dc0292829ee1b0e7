const MB = 1e6
const GB = 1e9

/** One way to upload, by its name in ways.ts. */
export type Scenario = {
  name: string
  title: string
  /** link.ts says what it means. */
  link: string
  fileBytes: number
  ways: string[]
  /** Settings of all the client's paths (emulator/config.c). */
  clientPaths?: string
  /** Ways that are run once, whatever `--runs` says: a single stream of 1 GB takes minutes. */
  once?: string[]
  /** Measures meanwhile what other traffic on the line waits. */
  probes?: boolean
  /** Starts the relays anew before each run. */
  cold?: boolean
  /** Does not wait until the deployment has heard the relays' heartbeats. */
  hasty?: boolean
  /** Kills the nearest relay when half of the file is sent. */
  kills?: boolean
  /** One of several that differ in one thing: report plots them against it. */
  sweep?: 'loss'
  /** Only run when it is named. */
  byName?: boolean
  /** No emulation: client and store in one namespace. */
  loopback?: boolean
}

const EVERY_PEER = [
  'lib4',
  'lib16',
  'rclone4',
  'rclone16',
  'awscli',
  'tus',
  'uppy',
  'lib16-edge',
  'rclone16-edge',
]
const BEST_PEERS = ['rclone16', 'rclone16-edge', 'lib16-edge']
const HEADLINE = '300m,0.03,0,165,1500k'
const GOOD_EDGES = '200m,0.01,0,165,1m'

/** What can be asked for by name, in the order of a whole run. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'headline',
    title: '100 MB, 300 Mbit/s up, 165 ms, 0.03 % loss',
    link: HEADLINE,
    fileBytes: 100 * MB,
    ways: ['single', 'ours', 'ours-direct', ...EVERY_PEER],
    sweep: 'loss',
  },
  {
    name: 'long',
    title: '1 GB, 300 Mbit/s up, 165 ms, 0.01 % loss',
    link: '300m,0.01,0,165,1500k',
    fileBytes: GB,
    ways: ['single', 'ours', 'ours-direct', ...BEST_PEERS],
    once: ['single'],
  },
  {
    name: 'clean',
    title: '100 MB, 200 Mbit/s up, 165 ms, no loss',
    link: '200m',
    fileBytes: 100 * MB,
    ways: ['single', 'ours', 'ours-direct', ...BEST_PEERS],
  },
  {
    name: 'slow',
    title: '20 MB, 20 Mbit/s up, 165 ms, 0.01 % loss, with other traffic on the line',
    link: '20m,0.01,0,165,200k',
    fileBytes: 20 * MB,
    ways: ['single', 'ours', 'ours-direct', 'streams32', ...BEST_PEERS],
    probes: true,
  },
  {
    name: 'bad-edge',
    title: '100 MB, 200 Mbit/s up, 0.01 % loss; the third relay carries 4 Mbit/s',
    link: `${GOOD_EDGES},rate=4m;q=200k`,
    fileBytes: 100 * MB,
    ways: ['ours', 'rclone16'],
  },
  {
    name: 'good-edges',
    title: 'The same with five good relays',
    link: GOOD_EDGES,
    fileBytes: 100 * MB,
    ways: ['single', 'ours', ...BEST_PEERS],
  },
  {
    name: 'dying-edge',
    title: '100 MB, 200 Mbit/s up, 0.01 % loss; the nearest relay is killed halfway',
    link: GOOD_EDGES,
    fileBytes: 100 * MB,
    ways: ['ours'],
    kills: true,
  },
  {
    name: 'cold',
    title: '100 MB, 200 Mbit/s up, 0.01 % loss; the relays were started just before',
    link: GOOD_EDGES,
    fileBytes: 100 * MB,
    ways: ['ours', 'ours-direct'],
    cold: true,
  },
  {
    name: 'near',
    title: '100 MB, 200 Mbit/s up, 0.01 % loss, the store 30 ms away',
    link: '200m,0.01,0,30',
    fileBytes: 100 * MB,
    ways: ['single', 'streams16', 'ours', 'ours-direct', ...BEST_PEERS],
  },
  {
    name: 'small',
    title: '10 MB in one PUT, 200 Mbit/s up, 165 ms, 0.01 % loss',
    link: '200m,0.01',
    fileBytes: 10 * MB,
    ways: ['single', 'ours', 'ours-direct', 'rclone16', 'lib16', 'rclone16-edge'],
  },
  {
    name: 'mobile',
    title: '20 MB, 40 Mbit/s up, 80 ms, 0.2 % loss in bursts of 4, jitter of 15 ms',
    link: '40m,0.2,0,80,500k',
    fileBytes: 20 * MB,
    ways: ['single', 'ours', 'ours-direct', ...BEST_PEERS],
    clientPaths: 'burst=4 jitter=15',
  },
  {
    name: 'loopback',
    title: '1 GB without emulation: what the code itself costs',
    link: '1000m,0,0,1',
    fileBytes: GB,
    ways: ['ours-direct', 'rclone16', 'lib16', 'single'],
    loopback: true,
  },
  ...[0, 0.01, 0.1].map(lossy),
]

/** The headline with other losses. A single stream takes minutes at the highest. */
function lossy(percent: number): Scenario {
  return {
    name: `loss-${percent}`,
    title: `100 MB, 300 Mbit/s up, 165 ms, ${percent} % loss`,
    link: `300m,${percent},0,165,1500k`,
    fileBytes: 100 * MB,
    ways: ['single', 'ours', 'rclone16'],
    sweep: 'loss',
    byName: true,
  }
}

/** @throws Error that names the known ones */
export function scenariosNamed(names: readonly string[]): Scenario[] {
  if (names.length === 0) return SCENARIOS.filter(({ byName }) => !byName)
  return names.map((name) => {
    const found = SCENARIOS.find((scenario) => scenario.name === name)
    if (found) return found
    const known = SCENARIOS.map((scenario) => scenario.name).join(', ')
    throw new Error(`There is no scenario ${name}; there are ${known}.`)
  })
}
