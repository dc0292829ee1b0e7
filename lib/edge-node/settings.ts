import { parseArgs } from 'node:util'
import type { RelaySettings } from './relay.ts'

/** Each setting: its flag, its environment variable, and what it means. */
const SETTINGS = [
  ['id', 'EDGE_ID', 'the name that grants call this relay by, such as lon-1'],
  ['origin', 'EDGE_ORIGIN', 'the S3 origin, such as https://s3.example'],
  ['bucket', 'EDGE_BUCKET', 'the bucket'],
  ['connect-to', 'EDGE_CONNECT_TO', 'host:port to reach the origin at, if not its own'],
  [
    'grant-public-key',
    'EDGE_GRANT_PUBLIC_KEY',
    'the public half of EDGE_GRANT_PRIVATE_KEY, base64',
  ],
  ['port', 'EDGE_PORT', 'where to listen (8080, or 8443 with a certificate)'],
  ['host', 'EDGE_HOST', 'the address to listen on (127.0.0.1; 0.0.0.0 for everyone)'],
  ['tls-cert', 'EDGE_TLS_CERT', 'file of the certificate chain, PEM'],
  ['tls-key', 'EDGE_TLS_KEY', 'file of its key, PEM'],
  ['connections-max', 'EDGE_CONNECTIONS_MAX', 'how many clients at once (2000)'],
  ['control-url', 'EDGE_CONTROL_URL', 'the deployment that hears heartbeats'],
  ['key-file', 'EDGE_KEY_FILE', "file of the relay's own key, made when it is not there"],
  ['line-mbps', 'EDGE_LINE_MBPS', 'what its line carries in Mbit/s; counts towards its load'],
] as const

/** No flag: whoever lists the processes of a machine sees those. */
const PRIVATE_KEY = 'EDGE_PRIVATE_KEY'

type Name = (typeof SETTINGS)[number][0]
type Values = Partial<Record<Name, string>>

const REQUIRED: readonly Name[] = ['id', 'origin', 'bucket', 'grant-public-key']
const PORT_PLAIN = 8080
const PORT_TLS = 8443
const HOST = '127.0.0.1'
const CONNECTIONS = 2_000
const MAXIMA: Partial<Record<Name, number>> = {
  port: 65_535,
  'connections-max': 1_000_000,
  'line-mbps': 1_000_000,
}

const RULES: Partial<Record<Name, { pattern: RegExp; expected: string }>> = {
  id: { pattern: /^[a-z0-9][a-z0-9-]{0,63}$/, expected: 'lower-case letters, digits and -' },
  origin: { pattern: /^https?:\/\/[^/?#@]+\/?$/, expected: 'http(s)://host[:port] without a path' },
  bucket: { pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, expected: 'the name of an S3 bucket' },
  'connect-to': { pattern: /^[^/?#@\s]+:\d{1,5}$/, expected: 'host:port' },
  'grant-public-key': { pattern: /^[A-Za-z0-9+/]{43}=$/, expected: '32 bytes in base64' },
  'control-url': {
    pattern: /^https?:\/\/[^/?#@]+\/?$/,
    expected: 'http(s)://host[:port] without a path',
  },
  'line-mbps': { pattern: /^[1-9]\d*$/, expected: 'a whole number of Mbit/s' },
}

/** A relay's settings, and what it says of itself with: its own key, and to which deployment. */
export type EdgeSettings = RelaySettings & {
  connectionsMax: number
  controlUrl?: string
  keyFile?: string
  privateKey?: string
  lineMbps?: number
}

/**
 * The settings of a relay from flags and environment, flags first; `help` where that is asked for.
 *
 * @throws Error that names every missing or unusable value at once
 */
export function readSettings(
  argv: string[],
  environment: Record<string, string | undefined> = process.env,
): EdgeSettings | 'help' {
  const flags = readFlags(argv)
  if (flags.help === true) return 'help'
  const values: Values = {}
  for (const [flag, variable] of SETTINGS) {
    const value = flags[flag] ?? environment[variable]
    if (typeof value === 'string' && value !== '') values[flag] = value
  }

  const faults = SETTINGS.map(([flag]) => faultOf(flag, values)).filter((fault) => fault !== null)
  if (faults.length > 0) throw new Error(`The relay cannot start:\n  ${faults.join('\n  ')}`)
  const privateKey = environment[PRIVATE_KEY] || undefined
  return { ...toSettings(values), ...(privateKey !== undefined && { privateKey }) }
}

/** What `--help` prints. */
export function usage(): string {
  const lines = SETTINGS.map(([flag, variable, meaning]) => {
    return `  --${flag.padEnd(17)} ${variable.padEnd(22)} ${meaning}`
  })
  return [
    'npm run edge -- [flags]: an edge relay that streams granted, presigned requests to one S3 origin.',
    '',
    ...lines,
    `    ${''.padEnd(17)} ${PRIVATE_KEY.padEnd(22)} the relay's own key instead of a file: 32 bytes in base64`,
    `  --${'help'.padEnd(17)} ${''.padEnd(22)} this text`,
    '',
    'Certificate files are read again when they change. SIGTERM lets running requests finish.',
  ].join('\n')
}

function readFlags(argv: string[]): Record<string, string | boolean | undefined> {
  const text = { type: 'string' } as const
  const options = Object.fromEntries(SETTINGS.map(([flag]) => [flag, text]))
  return parseArgs({ args: argv, options: { ...options, help: { type: 'boolean', short: 'h' } } })
    .values
}

function faultOf(flag: Name, values: Values): string | null {
  const value = values[flag]
  const variable = SETTINGS.find(([name]) => name === flag)?.[1]
  const fault = value === undefined ? missing(flag, values) : unusable(flag, value)
  return fault === null ? null : `${variable} (--${flag})${fault}`
}

function missing(flag: Name, values: Values): string | null {
  if (REQUIRED.includes(flag)) return ' is missing'
  const isHalf = flag.startsWith('tls-') && (values['tls-cert'] ?? values['tls-key']) !== undefined
  return isHalf ? ' is missing: a certificate needs both files' : null
}

function unusable(flag: Name, value: string): string | null {
  const rule = RULES[flag]
  if (rule !== undefined && !rule.pattern.test(value)) return `: expected ${rule.expected}`
  const max = MAXIMA[flag]
  if (max === undefined || (/^\d{1,7}$/.test(value) && Number(value) <= max)) return null
  return `: expected a number up to ${max}`
}

function toSettings(values: Values): EdgeSettings {
  const { 'tls-cert': certFile, 'tls-key': keyFile } = values
  const tls = certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile }
  const { id = '', origin = '', bucket = '', 'grant-public-key': grantPublicKey = '' } = values
  const { host = HOST, port = tls ? PORT_TLS : PORT_PLAIN } = values
  const connectionsMax = Number(values['connections-max'] ?? CONNECTIONS)
  const common = { id, origin, bucket, grantPublicKey, host, port: Number(port), connectionsMax }
  const connectTo = values['connect-to']
  const optional = { ...(tls && { tls }), ...(connectTo !== undefined && { connectTo }) }
  return { ...common, ...optional, ...toHeartbeatSettings(values) }
}

function toHeartbeatSettings(values: Values): Partial<EdgeSettings> {
  const { 'control-url': controlUrl, 'key-file': keyFile, 'line-mbps': lineMbps } = values
  return {
    ...(controlUrl !== undefined && { controlUrl }),
    ...(keyFile !== undefined && { keyFile }),
    ...(lineMbps !== undefined && { lineMbps: Number(lineMbps) }),
  }
}
