import type { Command } from './command.ts'

const json = { type: 'boolean' } as const
const JSON_LINE: [string, string] = ['--json', 'one JSON object per line on stdout']
const THRESHOLD_LINE: [string, string] = [
  '--threshold SHARE',
  'how much of the larger file both have: 50% to 100% (default 95%)',
]

/** The commands by name; each loads its own code, so that `--help` loads none. */
export const COMMANDS: Record<string, Command> = {
  upload: {
    usage:
      'upload PATH... [--to PREFIX] [--if-new] [--base FILE | --no-delta] [--limit RATE] [--connections N] [--direct] [--json] [--verbose]',
    summary: 'send files and folders; resumes what was interrupted',
    options: {
      to: { type: 'string' },
      'if-new': { type: 'boolean' },
      base: { type: 'string' },
      'no-delta': { type: 'boolean' },
      connections: { type: 'string' },
      limit: { type: 'string' },
      direct: { type: 'boolean' },
      verbose: { type: 'boolean' },
      json,
    },
    explained: [
      ['--to PREFIX', 'put everything under this folder of the account'],
      ['--if-new', 'refuse a file whose path is taken, instead of replacing it'],
      ['--base FILE', 'take unchanged parts from this stored file (path or id), for one file only'],
      ['--no-delta', 'send files whole, and do not keep what later versions are compared with'],
      ['--limit RATE', 'at most so many bytes a second: 500k, 2MB, 1.5MiB'],
      ['--connections N', 'at most N connections at once'],
      ['--direct', 'send straight to the store, over no relay'],
      ['--verbose', 'say why parts are sent again, or not copied'],
      JSON_LINE,
    ],
    run: async (context) => (await import('./upload.ts')).uploadCommand(context),
  },
  get: {
    usage:
      'get FILE-ID|PATH|FOLDER/ [-o PATH] [--force] [--limit RATE] [--connections N] [--direct] [--json]',
    summary: 'fetch a file or a folder, verified; resumes what was interrupted',
    options: {
      output: { type: 'string', short: 'o' },
      force: { type: 'boolean' },
      connections: { type: 'string' },
      limit: { type: 'string' },
      direct: { type: 'boolean' },
      json,
    },
    explained: [
      ['-o, --output PATH', 'file or folder to write to (default: the current folder)'],
      ['--force', 'replace a different file that is there'],
      ['--limit RATE', 'at most so many bytes a second: 500k, 2MB, 1.5MiB'],
      ['--connections N', 'at most N connections at once'],
      ['--direct', 'fetch straight from the store, over no relay'],
      JSON_LINE,
    ],
    run: async (context) => (await import('./get.ts')).getCommand(context),
  },
  ls: {
    usage: 'ls [PREFIX] [--json]',
    summary: 'list stored files',
    options: { json },
    explained: [JSON_LINE],
    run: async (context) => (await import('./ls.ts')).lsCommand(context),
  },
  rm: {
    usage: 'rm FILE-ID|PATH... [--permanent] [--json]',
    summary: 'move files to the trash (30 days), or delete them for good',
    options: { permanent: { type: 'boolean' }, json },
    explained: [['--permanent', 'delete for good and free the quota'], JSON_LINE],
    run: async (context) => (await import('./rm.ts')).rmCommand(context),
  },
  hash: {
    usage: 'hash FILE... [--json]',
    summary: 'print the content ids of local files',
    options: { json },
    explained: [JSON_LINE],
    run: async (context) => (await import('./hash.ts')).hashCommand(context),
  },
  similar: {
    usage: 'similar FILE|PATH|FILE-ID [--threshold SHARE] [--json]',
    summary: 'list stored files that are like a local or a stored one; changes nothing',
    options: { threshold: { type: 'string' }, json },
    explained: [THRESHOLD_LINE, JSON_LINE],
    run: async (context) => (await import('./similar.ts')).similarCommand(context),
  },
  dupes: {
    usage: 'dupes [--threshold SHARE] [--json]',
    summary: 'list likely duplicates among stored files; changes nothing',
    options: { threshold: { type: 'string' }, json },
    explained: [THRESHOLD_LINE, JSON_LINE],
    run: async (context) => (await import('./dupes.ts')).dupesCommand(context),
  },
  quota: {
    usage: 'quota [--json]',
    summary: 'show the tier, storage and bandwidth used',
    options: { json },
    explained: [JSON_LINE],
    run: async (context) => (await import('./quota.ts')).quotaCommand(context),
  },
  uploads: {
    usage: 'uploads [list | abort UPLOAD-ID...] [--json]',
    summary: 'list unfinished uploads, or give them up',
    options: { json },
    explained: [JSON_LINE],
    run: async (context) => (await import('./uploads.ts')).uploadsCommand(context),
  },
  edges: {
    usage: 'edges [status | register | drain ID... | resume ID... | retire ID...] [OPTIONS]',
    summary: 'rank the ways to the store as seen from here; status and administration of relays',
    options: {
      size: { type: 'string' },
      priority: { type: 'string' },
      map: { type: 'boolean' },
      id: { type: 'string' },
      'edge-url': { type: 'string' },
      'alternate-url': { type: 'string', multiple: true },
      'public-key': { type: 'string' },
      city: { type: 'string' },
      country: { type: 'string' },
      lat: { type: 'string' },
      lng: { type: 'string' },
      json,
    },
    explained: [
      ['--size BYTES|10GB', 'rank for a file of this size (default 1GiB; GB is 10^9, GiB 2^30)'],
      ['--priority P', 'speed, cost or balanced (default)'],
      ['--map', 'a map of the world above the table; also with status'],
      ['status', 'the whole catalogue: state, latency, errors, last seen; needs no key'],
      [
        'register',
        'a relay, with --id ID --edge-url URL --public-key BASE64; up to two more names of it',
      ],
      ['', 'for browsers, each with --alternate-url URL; outside the catalogue also with --city'],
      ['', 'NAME --country CC --lat=DEGREES --lng=DEGREES'],
      ['drain, resume', 'take relays out of new offers, and back in'],
      ['retire', 'forget the relays of these locations'],
      ['JETTY_ADMIN_TOKEN', 'in the environment, for register, drain, resume and retire'],
      JSON_LINE,
    ],
    run: async (context) => (await import('./edges.ts')).edgesCommand(context),
  },
}

/** Options that every command takes. */
export const COMMON_OPTIONS = {
  url: { type: 'string' },
  'api-key': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const COMMON_EXPLAINED: [string, string][] = [
  ['--url URL', 'the service (else JETTY_URL, the config file, .jetty/dev.env)'],
  ['--api-key KEY', 'the key (else JETTY_API_KEY ...); other users may see it in the process list'],
  ['-h, --help', 'this help'],
]
