// Bundles the packages named in lib/vendor/*.d.ts into one ESM file each, beside their types. A function that imports
// the packages as they come costs 600 ms of CPU at cold start, this way about 35 (docs/architecture.md, "Vendored
// imports"). Runs in every script that needs it; does nothing while neither the recipes nor the lock file changed.
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const stamp = join(here, '.made')
const recipes = readdirSync(here)
  .filter((name) => name.endsWith('.d.ts'))
  .sort()

const wanted = fingerprint()
if (!isMade()) await make()

function fingerprint() {
  const hash = createHash('sha256')
  const inputs = [...recipes.map((name) => join(here, name)), fileURLToPath(import.meta.url)]
  const lock = join(here, '../../package-lock.json')
  if (existsSync(lock)) inputs.push(lock)
  for (const file of inputs) hash.update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

function isMade() {
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) return false
  return recipes.every((name) => existsSync(join(here, name.replace('.d.ts', '.js'))))
}

async function make() {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: recipes.map((name) => ({ in: `recipe:${name}`, out: name.replace('.d.ts', '') })),
    plugins: [{ name: 'recipes', setup: readRecipes }],
    outdir: here,
    write: false,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    legalComments: 'none',
    logLevel: 'error',
  })
  rmSync(join(here, 'chunks'), { recursive: true, force: true })
  for (const file of outputFiles) writeAtomically(file.path, file.contents)
  writeAtomically(stamp, wanted)
}

/** The value exports of a recipe are its module; the type exports are for the compiler alone. */
function readRecipes(build) {
  build.onResolve({ filter: /^recipe:/ }, ({ path }) => ({
    path: path.slice(7),
    namespace: 'recipe',
  }))
  build.onLoad({ filter: /.*/, namespace: 'recipe' }, ({ path }) => ({
    contents: readFileSync(join(here, path), 'utf8'),
    loader: 'ts',
    resolveDir: here,
  }))
}

/** Two scripts may make at once; each file appears whole. */
function writeAtomically(path, contents) {
  const temporary = `${path}.${process.pid}`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(temporary, contents)
  renameSync(temporary, path)
}
