// Part of `vercel-build` and `dev`: the pages of lib/web, bundled into public/, where git ignores them. Each folder here
// is one page: its html and css as they are, main.ts and all it imports as main.js, and beside it the workers it starts.
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const PUBLIC = join(here, '../../public')

/** Makes public/upload/; whoever has the page open loads it again. */
export async function makePages() {
  const into = join(PUBLIC, 'upload')
  mkdirSync(into, { recursive: true })
  await build({
    entryPoints: {
      main: join(here, 'upload/main.ts'),
      'hash-worker': join(here, '../client/browser/hash-worker.ts'),
    },
    outdir: into,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    legalComments: 'none',
    logLevel: 'error',
  })
  for (const name of ['index.html', 'style.css', 'controls.css']) {
    copyFileSync(join(here, 'upload', name), join(into, name))
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await makePages()
