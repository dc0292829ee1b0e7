import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The platform's default with Fluid compute, in seconds. */
const DURATION_DEFAULT = 300

/** Keys that change routing and that this runner does not know: better no start than another behaviour. */
const UNKNOWN = ['routes', 'cleanUrls', 'trailingSlash', 'middleware']

type Rule = { source: string; destination: string; permanent?: boolean; statusCode?: number }

type File = {
  functions?: Record<string, { maxDuration?: number }>
  headers?: { source: string; headers: { key: string; value: string }[] }[]
  redirects?: Rule[]
  rewrites?: Rule[]
}

/** What vercel.json says about requests, ready to be asked. */
export type VercelConfig = {
  headersFor(pathname: string): [string, string][]
  redirect(pathname: string): { status: number; location: string } | null
  /** The path and query that a rewrite leads to. */
  rewrite(pathname: string): string | null
  maxDurationSeconds(file: string): number
}

/**
 * Reads vercel.json of a project: headers, redirects, rewrites and `maxDuration`.
 *
 * @throws Error when it uses a routing key that only the platform knows
 */
export function readVercelConfig(root: string): VercelConfig {
  const file = join(root, 'vercel.json')
  const config: File = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const unknown = UNKNOWN.find((key) => key in config)
  if (unknown) throw new Error(`The local runner does not know "${unknown}" of vercel.json.`)

  const headers = (config.headers ?? []).map((rule) => ({
    ...rule,
    pattern: sourcePattern(rule.source),
  }))
  const redirects = (config.redirects ?? []).map(compile)
  const rewrites = (config.rewrites ?? []).map(compile)
  const functions = Object.entries(config.functions ?? {}).map(([glob, settings]) => ({
    pattern: globPattern(glob),
    seconds: settings.maxDuration,
  }))
  return {
    headersFor: (pathname) =>
      headers
        .filter(({ pattern }) => pattern.test(pathname))
        .flatMap((rule) => rule.headers.map(({ key, value }): [string, string] => [key, value])),
    redirect(pathname) {
      const found = follow(redirects, pathname)
      if (!found) return null
      return {
        status: found.rule.statusCode ?? (found.rule.permanent ? 308 : 307),
        location: found.target,
      }
    },
    rewrite: (pathname) => follow(rewrites, pathname)?.target ?? null,
    maxDurationSeconds: (name) =>
      functions.find(({ pattern }) => pattern.test(name))?.seconds ?? DURATION_DEFAULT,
  }
}

type Compiled = Rule & { pattern: RegExp }

function compile(rule: Rule): Compiled {
  return { ...rule, pattern: sourcePattern(rule.source) }
}

function follow(rules: Compiled[], pathname: string): { rule: Compiled; target: string } | null {
  for (const rule of rules) {
    const found = rule.pattern.exec(pathname)
    if (!found) continue
    const target = rule.destination
      .replace(/:(\w+)\*?/g, (name, key) => found.groups?.[key] ?? name)
      .replace(/\$(\d)/g, (_, at) => found[Number(at)] ?? '')
    return { rule, target }
  }
  return null
}

/** The part of path-to-regexp that vercel.json needs here: `:name`, `:name*`, and groups as they stand. */
function sourcePattern(source: string): RegExp {
  const pattern = source
    .replace(/\/:(\w+)\*/g, '(?:/(?<$1>.*))?')
    .replace(/:(\w+)(?!\()/g, '(?<$1>[^/]+)')
    .replace(/(?<!\(\?)\.(?![*+])/g, '\\.')
  return new RegExp(`^${pattern}$`)
}

function globPattern(glob: string): RegExp {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('**/', '\u0000')
    .replaceAll('*', '[^/]*')
    .replaceAll('\u0000', '(?:.*/)?')
  return new RegExp(`^${pattern}$`)
}
