import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where a function answers: its path with `[name]` segments as named groups, and its file. */
export type FunctionRoute = { file: string; pattern: RegExp; dynamic: boolean }

export type Match = { file: string; params: Record<string, string> }

const FUNCTION_FILE = /\.(?:m?js|tsx?)$/
/** Files that Vercel leaves alone: a segment that starts with `_` or `.`, declarations (detect-builders.ts). */
const IGNORED = /(?:^|\/)[_.]|\.d\.ts$|node_modules\//

/** The functions of a project: one for each file below api/. */
export function functionRoutes(root: string): FunctionRoute[] {
  return readdirSync(join(root, 'api'), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => FUNCTION_FILE.test(name) && !IGNORED.test(name))
    .map((name) => ({
      file: join('api', name),
      pattern: patternOf(name),
      dynamic: name.includes('['),
    }))
}

/** The function of a path, and what its `[name]` segments are. */
export function matchFunction(
  routes: FunctionRoute[],
  pathname: string,
  dynamic: boolean,
): Match | null {
  for (const route of routes) {
    if (route.dynamic !== dynamic) continue
    const found = route.pattern.exec(pathname)
    if (!found) continue
    const groups = Object.entries(found.groups ?? {})
    return {
      file: route.file,
      params: Object.fromEntries(groups.map(([name, text]) => [name, decode(text)])),
    }
  }
  return null
}

function patternOf(name: string): RegExp {
  const path = name.replace(FUNCTION_FILE, '').replace(/(?:^|\/)index$/, '')
  const segments = path.split('/').filter(Boolean)
  const written = segments.map((segment) => {
    const parameter = /^\[(\w+)\]$/.exec(segment)
    return parameter ? `/(?<${parameter[1]}>[^/]+)` : `/${literally(segment)}`
  })
  return new RegExp(`^/api${written.join('')}/?$`)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
