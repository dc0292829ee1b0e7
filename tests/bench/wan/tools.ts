import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answers } from './requirements.ts'
import { AWS, type Need } from './ways.ts'

const PEERS = join(import.meta.dirname, 'peers')
const STAMP = join(PEERS, 'node_modules/.installed')
const DEBIAN: readonly Need[] = ['rclone', 'awscli']

/**
 * What of `needs` this machine lacks. The npm packages of peers/ are installed here, from their lock file; Debian's only where
 * `install` is true.
 */
export function provide(needs: ReadonlySet<Need>, install: boolean): Set<Need> {
  if (needs.has('packages') && !hasPackages()) installPackages()
  const missing = [...needs].filter((need) => !isThere(need))
  const fromDebian = missing.filter((need) => DEBIAN.includes(need))
  if (install && fromDebian.length > 0) installFromDebian(fromDebian)
  return new Set(missing.filter((need) => !isThere(need)))
}

function isThere(need: Need): boolean {
  if (need === 'packages') return hasPackages()
  return need === 'rclone' ? answers('rclone', 'version') : answers(AWS, '--version')
}

function hasPackages(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lockDigest()
}

function installPackages(): void {
  console.log('Installing the published clients under tests/bench/wan/peers (50 MB, once) ...')
  const words = ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  const { status, stderr } = spawnSync('npm', words, { cwd: PEERS, encoding: 'utf8' })
  if (status === 0) writeFileSync(STAMP, lockDigest())
  else console.error(`npm ci in tests/bench/wan/peers failed: ${stderr}`)
}

function lockDigest(): string {
  const lock = readFileSync(join(PEERS, 'package-lock.json'))
  return createHash('sha256').update(lock).digest('hex')
}

function installFromDebian(packages: readonly string[]): void {
  const options = ['-q', '-y', '--no-upgrade', '--no-install-recommends']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['-q', 'update'], { env, stdio: 'inherit' })
  spawnSync('apt-get', ['install', ...options, ...packages], { env, stdio: 'inherit' })
}
