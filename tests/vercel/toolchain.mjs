import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const stamp = join(here, 'node_modules', '.installed')

/**
 * Vercel's CLI and the Node it deploys to, installed here when they are not, or when their lock file changed.
 *
 * @returns {{ node: string, vercel: string, environment: Record<string, string | undefined> }} Node 24's binary, the
 *   CLI's script, and an environment in which `node` and `npm` mean that Node
 */
export function installToolchain() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(here, 'package-lock.json')))
    .digest('hex')
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) install(wanted)

  const node = findNode()
  return {
    node,
    vercel: join(here, 'node_modules/vercel/dist/vc.js'),
    environment: {
      ...process.env,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
      VERCEL_TELEMETRY_DISABLED: '1',
      VERCEL_CLI_USE_NATIVE_BINARY: '0',
      npm_config_prefer_offline: 'true',
      npm_config_ignore_scripts: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
    },
  }
}

function install(wanted) {
  console.log('Installing the Vercel CLI and Node 24 under tests/vercel (380 MB, once) ...')
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'],
    { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  )
  if (status !== 0) throw new Error(`npm ci in tests/vercel failed:\n${stdout}${stderr}`)
  writeFileSync(stamp, wanted)
}

function findNode() {
  const packaged = join(
    here,
    'node_modules',
    `node-${process.platform}-${process.arch}`,
    'bin/node',
  )
  if (existsSync(packaged)) return packaged
  if (process.versions.node.startsWith('24.')) return process.execPath
  throw new Error(
    `There is no Node 24 package for ${process.platform}-${process.arch}; run this with Node 24.`,
  )
}
