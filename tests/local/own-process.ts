import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What changes a process for whatever runs in it later, or depends on what ran in it before. Reading its environment does neither. */
const CHANGES =
  /(assign\(|delete )process\.env|process\.env(\.\w+|\[[^\]]+\])? (\?\?|\|\|)?=[^=]|process\.chdir|fetchEndpoint|vi\.(useFakeTimers|spyOn|stub\w+|resetModules)/
const IMPORTED = /(?:from|import)\s*\(?'(\.[^']+\.ts)'/g

/**
 * The test files that need a process of their own: they, or what they import of the tests, change the environment that
 * modules read when they are loaded. All others share processes, in which those modules are loaded and warm.
 */
export function filesWithOwnProcess(root: string): string[] {
  const known = new Map<string, boolean>()

  function needs(file: string): boolean {
    const found = known.get(file)
    if (found !== undefined) return found
    known.set(file, false)
    const source = readFileSync(file, 'utf8')
    const isChanging = CHANGES.test(source) || importsOf(file, source).some(needs)
    known.set(file, isChanging)
    return isChanging
  }

  function importsOf(file: string, source: string): string[] {
    const paths = [...source.matchAll(IMPORTED)].map(([, path = '']) => join(dirname(file), path))
    return paths.filter((path) => path.startsWith(join(root, 'tests/')) && existsSync(path))
  }

  return testsIn(join(root, 'tests')).filter(needs)
}

function testsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testsIn(path)
    return entry.name.endsWith('.test.ts') ? [path] : []
  })
}
