import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { usageError } from './exit.ts'

const DEV_ENV = fileURLToPath(new URL('../../.jetty/dev.env', import.meta.url))
const OTHERS_MAY = 0o077

export type Settings = { url: string; apiKey: string }
type Known = Partial<Settings>

/**
 * The service's address and the API key: from flags, else JETTY_URL and JETTY_API_KEY, else the config file, else what
 * `npm run dev` wrote for this checkout. The two belong together: a key never goes to an address from another place,
 * except that flags and environment may be mixed.
 *
 * @throws a usage error when one is missing, or when others may read the config file
 */
export function readSettings(flags: Known): Settings {
  const { JETTY_URL, JETTY_API_KEY } = process.env
  const asked = { url: flags.url ?? JETTY_URL, apiKey: flags.apiKey ?? JETTY_API_KEY }
  if (asked.url && asked.apiKey) return { url: asked.url, apiKey: asked.apiKey }

  const settings = combine(asked, readConfig(configPath()) ?? readDevEnv() ?? {})
  if (settings) return settings
  if (asked.url) {
    throw usageError(
      `No API key for ${asked.url}: give --api-key or JETTY_API_KEY. One from a file goes only to the address beside it.`,
    )
  }
  throw usageError(
    `Set JETTY_URL and JETTY_API_KEY, or write {"url", "apiKey"} to ${configPath()} (mode 600), or run \`npm run dev\`.`,
  )
}

/**
 * The service's address alone, for what needs no API key: from the flag, else as `readSettings` finds it.
 *
 * @throws a usage error when there is none
 */
export function readServiceUrl(flag: string | undefined): string {
  const url = flag || process.env.JETTY_URL || (readConfig(configPath()) ?? readDevEnv())?.url
  if (url) return url
  throw usageError('Set JETTY_URL or give --url, or run `npm run dev`.')
}

/**
 * What allows to register and retire relays. Only from the environment: a flag would stand in the process list.
 *
 * @throws a usage error when it is not set
 */
export function readAdminToken(): string {
  const { JETTY_ADMIN_TOKEN } = process.env
  if (JETTY_ADMIN_TOKEN) return JETTY_ADMIN_TOKEN
  throw usageError(
    'Set JETTY_ADMIN_TOKEN to the ADMIN_TOKEN of the deployment; there is no flag for it.',
  )
}

/** Whether the locale shows more than ASCII, by the variables that POSIX names (XBD 8.2), in their order. */
export function isUtf8Locale(): boolean {
  if (process.platform === 'win32') return true
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}

/** What is asked for, filled up from a file; but a filed key goes only to the address it was filed with. */
function combine(asked: Known, filed: Known): Settings | undefined {
  const url = asked.url ?? filed.url
  const mayUseKey = asked.url === undefined || sameOrigin(asked.url, filed.url)
  const apiKey = asked.apiKey ?? (mayUseKey ? filed.apiKey : undefined)
  return url && apiKey ? { url, apiKey } : undefined
}

/** Where this machine's own small notes are kept; undefined for a user without a home. */
export function stateFolder(): string | undefined {
  const { XDG_STATE_HOME } = process.env
  if (XDG_STATE_HOME) return path.join(XDG_STATE_HOME, 'jetty')
  return existsSync(homedir()) ? path.join(homedir(), '.local', 'state', 'jetty') : undefined
}

function configPath(): string {
  const base = process.env.XDG_CONFIG_HOME || path.join(homedir(), '.config')
  return process.env.JETTY_CONFIG || path.join(base, 'jetty', 'config.json')
}

function readConfig(file: string): Known | undefined {
  const text = readIfThere(file)
  if (text === undefined) return undefined
  if (process.platform !== 'win32' && statSync(file).mode & OTHERS_MAY) {
    throw usageError(`${file} holds an API key and others may read it; run: chmod 600 ${file}`)
  }
  try {
    const { url, apiKey }: Record<string, unknown> = JSON.parse(text)
    return { url: textOf(url), apiKey: textOf(apiKey) }
  } catch (cause) {
    throw usageError(`${file} is not JSON.`, cause)
  }
}

function readDevEnv(): Known | undefined {
  const text = readIfThere(DEV_ENV)
  if (text === undefined) return undefined
  const values = new Map(
    text.split('\n').map((line) => {
      const [name = '', ...value] = line.replace(/^export /, '').split('=')
      return [
        name.trim(),
        value
          .join('=')
          .trim()
          .replace(/^(['"])(.*)\1$/, '$2'),
      ]
    }),
  )
  return { url: values.get('JETTY_URL'), apiKey: values.get('JETTY_API_KEY') }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function sameOrigin(a: string, b: string | undefined): boolean {
  return (
    b !== undefined && URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin
  )
}
