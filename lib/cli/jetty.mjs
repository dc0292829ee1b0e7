#!/usr/bin/env node
// Runs the command line from its TypeScript sources. Neither it nor the transfer engine needs the vendored imports.
import { fileURLToPath } from 'node:url'
import { register } from 'tsx/esm/api'

register()
// `npm run jetty` starts at the top of the checkout; file names are meant where it was called.
const { npm_package_json: manifest, npm_lifecycle_event: script, INIT_CWD } = process.env
const own = fileURLToPath(new URL('../../package.json', import.meta.url))
if (INIT_CWD && script === 'jetty' && manifest === own) process.chdir(INIT_CWD)
const { main } = await import('./main.ts')
await main(process.argv.slice(2))
