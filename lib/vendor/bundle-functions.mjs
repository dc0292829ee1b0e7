// Part of `vercel-build`: each file under api/ becomes one line that re-exports a bundle of all it imports. Node spends
// about half a millisecond of CPU on every module it loads, so an endpoint of fifty small files starts 25 ms later than
// the same code in one (docs/architecture.md, "Vendored imports"). It rewrites files under api/, so it works only where
// Vercel builds a checkout of its own: VERCEL=1 (also in `vercel build`) and CI set.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, parse, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')
const bundles = join(here, 'functions')
const MARK = '// @ts-nocheck bundled by lib/vendor/bundle-functions.mjs'

const { VERCEL, CI } = process.env
const endpoints = VERCEL === '1' && CI ? listEndpoints() : []
// The build runs `vercel-build` more than once.
if (endpoints.some((file) => !readFileSync(file, 'utf8').startsWith(MARK))) await bundle()

/** Vercel's rule: every TypeScript file under api/ but declarations and paths with `/_` or `/.` is a function. */
function listEndpoints() {
  return readdirSync(join(root, 'api'), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !/(^|\/)[_.]|\.d\.ts$/.test(file))
    .map((file) => join(root, 'api', file))
}

async function bundle() {
  const { build } = await import('esbuild')
  // Each by itself: what many endpoints share would be cut into dozens of small modules, and each module costs. Only the
  // packages stay files of their own, so that an instance with several endpoints parses them once.
  for (const file of endpoints) {
    const { dir, name } = parse(relative(join(root, 'api'), file))
    await build({
      entryPoints: [file],
      outdir: join(bundles, dir),
      chunkNames: `${name}-[hash]`,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node22',
      absWorkingDir: root,
      // The SDK is loaded on first use, and traced by Vercel as packages.
      external: ['@aws-sdk/*', '@smithy/*', './lib/vendor/*.js'],
      sourcemap: true,
      sourcesContent: false,
      legalComments: 'none',
      logLevel: 'error',
    })
  }
  // The functions carry no package.json from the root (see vercel.json), so this one says what these files are.
  writeFileSync(join(here, 'package.json'), '{ "type": "module" }\n')
  for (const file of endpoints) writeFileSync(file, reexport(file))
}

function reexport(file) {
  const target = join(bundles, relative(join(root, 'api'), file)).replace(/\.ts$/, '.js')
  const specifier = relative(dirname(file), target).replaceAll('\\', '/')
  return `${MARK}\nexport * from '${specifier}'\n`
}
