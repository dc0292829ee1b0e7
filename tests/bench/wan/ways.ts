import { join } from 'node:path'
import { nodeWords } from './namespace.ts'
import type { OursOptions } from './ours-main.ts'
import type { StreamsOptions } from './streams-main.ts'

/** What a way to upload needs beside Node. */
export type Need = 'rclone' | 'awscli' | 'packages'

/** How an S3 client reaches the store. */
export type StoreAccess = {
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

/** What a run of any way is told. */
export type WayContext = {
  file: string
  /** A folder for a client's own settings. */
  folder: string
  /** Another one for each run. */
  key: string
  store: StoreAccess
  /** The plain proxy beside the nearest relay. */
  proxyEndpoint: string
  tusUrl: string
  control: { url: string; apiKey: string }
}

export type Command = { words: string[]; env?: Record<string, string | undefined> }

/** A way to upload: a command that runs where the client is. */
export type Way = {
  label: string
  /** Whose it is: this project's, a published client, or no client at all. */
  kind: 'ours' | 'peer' | 'streams'
  needs?: Need
  /** Goes over an edge, whose connections to the store have to have carried something to be wide. */
  isOverEdge?: boolean
  command: (context: WayContext) => Command
}

/**
 * All ways by name. Settings of the peers are the best of those that their documentation has, at the least part size of S3;
 * what one of them would do beside sending (a checksum of the whole file first, a look at the result) is off where it can be.
 */
export const WAYS: Readonly<Record<string, Way>> = {
  single: { label: 'one PUT', kind: 'streams', command: streams(1) },
  streams16: { label: '16 blind streams', kind: 'streams', command: streams(16) },
  streams32: { label: '32 blind streams', kind: 'streams', command: streams(32) },
  ours: { label: 'JettySpeed', kind: 'ours', isOverEdge: true, command: ours(false) },
  'ours-direct': { label: 'JettySpeed, no relays', kind: 'ours', command: ours(true) },
  lib4: { label: 'lib-storage, 4 parts', ...libStorage(4) },
  lib16: { label: 'lib-storage, 16 parts', ...libStorage(16) },
  'lib16-edge': { label: 'lib-storage, 16, nearest edge', ...overEdge(libStorage(16)) },
  rclone4: { label: 'rclone, 4 parts', ...rclone(4) },
  rclone16: { label: 'rclone, 16 parts', ...rclone(16) },
  'rclone16-edge': { label: 'rclone, 16, nearest edge', ...overEdge(rclone(16)) },
  awscli: { label: 'awscli, 16 requests', kind: 'peer', needs: 'awscli', command: awscli },
  tus: {
    label: 'tus-js-client',
    kind: 'peer',
    needs: 'packages',
    command: ({ file, tusUrl }) => published({ client: 'tus', file, tusUrl }),
  },
  uppy: {
    label: '@uppy/aws-s3 5, 6 parts',
    kind: 'peer',
    needs: 'packages',
    command: ({ file, store }) => published({ client: 'uppy', file, ...store }),
  },
}

/** @throws Error that names the known ones */
export function wayNamed(name: string): Way {
  const way = WAYS[name]
  if (way) return way
  throw new Error(`There is no way ${name}; there are ${Object.keys(WAYS).join(', ')}.`)
}

function ours(directOnly: boolean): Way['command'] {
  return ({ file, folder, control }) => {
    const options: OursOptions = { ...control, file, directOnly }
    const words = [...nodeWords('ours-main.ts'), JSON.stringify(options)]
    // Where the relays of the upload before are remembered, as the command does.
    return { words, env: { XDG_STATE_HOME: folder } }
  }
}

function streams(count: number): Way['command'] {
  return ({ file, store }) => {
    const options: StreamsOptions = { ...store, file, streams: count }
    return { words: [...nodeWords('streams-main.ts'), JSON.stringify(options)] }
  }
}

function libStorage(queueSize: number): Omit<Way, 'label'> {
  return {
    kind: 'peer',
    needs: 'packages',
    command: ({ file, store }) => published({ client: 'lib-storage', file, queueSize, ...store }),
  }
}

function published(options: object): Command {
  const program = join(import.meta.dirname, 'peers/peer.mjs')
  return { words: [process.execPath, program, JSON.stringify(options)] }
}

/** The same client, pointed at the nearest edge as if that were the store. */
function overEdge(way: Omit<Way, 'label'>): Omit<Way, 'label'> {
  return {
    ...way,
    isOverEdge: true,
    command: (context) => {
      const store = { ...context.store, endpoint: context.proxyEndpoint }
      return way.command({ ...context, store })
    },
  }
}

function rclone(concurrency: number): Omit<Way, 'label'> {
  return {
    kind: 'peer',
    needs: 'rclone',
    command: ({ file, key, store }) => ({
      words: [
        ...['rclone', 'copyto', file, `:s3:${store.bucket}/rclone/${key}`],
        ...['--config', '/dev/null', '--quiet', '--ignore-times'],
        ...['--s3-provider', 'Other', '--s3-endpoint', store.endpoint],
        ...['--s3-region', store.region, '--s3-access-key-id', store.accessKeyId],
        ...['--s3-secret-access-key', store.secretAccessKey, '--s3-force-path-style'],
        ...['--s3-no-check-bucket', '--s3-no-head', '--s3-disable-checksum'],
        ...['--s3-upload-cutoff', '0', '--s3-chunk-size', '5Mi'],
        ...['--s3-upload-concurrency', String(concurrency)],
      ],
      // rclone 1.60 ends at once where this is set.
      env: { AWS_CA_BUNDLE: undefined },
    }),
  }
}

function awscli({ file, folder, key, store }: WayContext): Command {
  return {
    words: [
      ...[AWS, '--endpoint-url', store.endpoint, 's3', 'cp', file],
      ...[`s3://${store.bucket}/awscli/${key}`, '--only-show-errors'],
    ],
    env: {
      AWS_CONFIG_FILE: join(folder, AWS_CONFIG_NAME),
      AWS_ACCESS_KEY_ID: store.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      AWS_DEFAULT_REGION: store.region,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CA_BUNDLE: undefined,
    },
  }
}

/** Debian's own, not one that stands before it in somebody's PATH. */
export const AWS = '/usr/bin/aws'
export const AWS_CONFIG_NAME = 'aws.config'
export const AWS_CONFIG = `[default]
s3 =
  max_concurrent_requests = 16
  multipart_threshold = 8MB
  multipart_chunksize = 5MB
  addressing_style = path
`
