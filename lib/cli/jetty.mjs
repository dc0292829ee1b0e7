#!/usr/bin/env node
// Runs the command line from its TypeScript sources. Neither it nor the transfer engine needs the vendored imports.
import { register } from 'tsx/esm/api'

register()
const { main } = await import('./main.ts')
await main(process.argv.slice(2))
