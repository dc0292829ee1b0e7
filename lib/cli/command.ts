import type { ParseArgsConfig } from 'node:util'
import type { Settings } from './settings.ts'

/** Every flag of every command; which command takes which stands in commands.ts. */
export type Flags = {
  to?: string
  'if-new'?: boolean
  base?: string
  'no-delta'?: boolean
  connections?: number
  direct?: boolean
  limit?: string
  json?: boolean
  verbose?: boolean
  output?: string
  force?: boolean
  permanent?: boolean
  size?: string
  priority?: string
  threshold?: string
  map?: boolean
  id?: string
  'edge-url'?: string
  'alternate-url'?: string[]
  'public-key'?: string
  city?: string
  country?: string
  lat?: string
  lng?: string
  /** As given; where the service is when it is not given, says settings.ts. */
  url?: string
}

export type Context = {
  flags: Flags
  args: string[]
  /** Read only when the command needs the service. */
  settings: () => Settings
  signal: AbortSignal
}

export type Command = {
  usage: string
  summary: string
  options: NonNullable<ParseArgsConfig['options']>
  /** One line per option, for `--help`. */
  explained: [option: string, text: string][]
  /** Loads what the command needs and runs it; the answer is the exit code. */
  run: (context: Context) => Promise<number>
}
