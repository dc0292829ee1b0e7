// The command in one file of JavaScript: reading some hundred TypeScript sources takes longer than most of what it does.
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, extname } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * A bundle of a TypeScript module and all that it imports, made where `file` has none or one of other sources; gives its URL, or
 * undefined where it cannot be made (a folder that is not ours, no esbuild). Its first line says what it was made of.
 */
export async function bundleOf(entry, file) {
  try {
    if (!isFresh(file)) await make(entry, file)
    return pathToFileURL(file).href
  } catch {
    return undefined
  }
}

function isFresh(file) {
  try {
    const [line] = readFileSync(file, 'utf8').split('\n', 1)
    return JSON.parse(line.slice(2)).every(([path, state]) => stateOf(path) === state)
  } catch {
    return false
  }
}

function stateOf(path) {
  const { mtimeMs, size } = statSync(path)
  return `${mtimeMs} ${size}`
}

async function make(entry, file) {
  const { build } = await import('esbuild')
  const sources = new Map()
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [readsSources(sources)],
  })
  const head = `//${JSON.stringify([...sources])}\n`
  mkdirSync(dirname(file), { recursive: true })
  // Another command may be at the same; whoever comes last has written the same.
  const draft = `${file}-${randomUUID()}`
  try {
    writeFileSync(draft, head + outputFiles[0].text)
    renameSync(draft, file)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Notes each source's state before it is read; what lies beside a source (a worker, package.json) is found from there still. */
function readsSources(sources) {
  return {
    name: 'sources',
    setup(build) {
      build.onLoad({ filter: /\.(ts|js|mjs)$/ }, ({ path }) => {
        sources.set(path, stateOf(path))
        const url = JSON.stringify(pathToFileURL(path).href)
        const contents = readFileSync(path, 'utf8').replaceAll('import.meta.url', url)
        return { contents, loader: extname(path) === '.ts' ? 'ts' : 'js' }
      })
    },
  }
}
