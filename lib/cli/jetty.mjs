#!/usr/bin/env node
// Runs the command line: its TypeScript sources, bundled where that can be kept. Neither it nor the transfer engine needs the vendored imports.
import { fileURLToPath } from 'node:url'
import { bundleOf } from './bundle.js'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

// `npm run jetty` starts at the top of the checkout; file names are meant where it was called.
const { npm_package_json: manifest, npm_lifecycle_event: script, INIT_CWD } = process.env
if (INIT_CWD && script === 'jetty' && manifest === at('../../package.json')) process.chdir(INIT_CWD)

const bundle = await bundleOf(at('main.ts'), at('../../node_modules/.cache/jetty/command.mjs'))
if (!bundle) (await import('tsx/esm/api')).register()
const { main } = await import(bundle ?? './main.ts')
await main(process.argv.slice(2))
