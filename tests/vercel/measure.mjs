import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ENVIRONMENT } from './environment.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const RUNS = 2
/** Other work on the machine only ever adds: what is above the limit is measured again, so often at most. */
const ROUNDS_MAX = 14
/**
 * What the fixed work of import-cost.mjs takes on the reference machine (one of two EPYC cores at rest, Node 24.21).
 * A machine that needs twice as long for it is given twice as long for the imports.
 */
const REFERENCE_MS = 34
const ANSWER_TIMEOUT_MS = 30_000
/** What a function answers to a request that carries nothing, where that is not a refused key. */
const EXPECTED_STATUS = { 'api/health': 503, 'api/edges': 500 }

/**
 * CPU milliseconds that importing a function adds to an empty process, at the reference machine's speed: the least of
 * two fresh processes, of up to 28 while that is more than `limitMs`.
 */
export function importCost(node, entry, limitMs) {
  const runs = []
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    runs.push(...Array.from({ length: RUNS }, () => measureOnce(node, entry)))
    if (costOf(runs).cpuMs <= limitMs) break
  }
  return costOf(runs)
}

function measureOnce(node, entry) {
  const empty = pathToFileURL(join(here, 'empty.mjs')).href
  return {
    module: run(node, [join(here, 'import-cost.mjs'), pathToFileURL(entry).href]),
    empty: run(node, [join(here, 'import-cost.mjs'), empty]),
  }
}

function costOf(runs) {
  const least = (pick) => Math.min(...runs.map(pick))
  const fixedMs = least(({ empty }) => empty.fixed)
  const rawMs = least(({ module }) => module.imported) - least(({ empty }) => empty.imported)
  return { rawMs, fixedMs, cpuMs: (rawMs * REFERENCE_MS) / fixedMs }
}

/** Sends a function one request without a key. `fault` says what is wrong with the answer, or is null. */
export function askFunction(node, { name, folder, entry, config }) {
  const handler = join(folder, config.handler)
  const { method, status, type, body } = run(node, [
    join(here, 'ask.mjs'),
    folder,
    name,
    handler,
    entry,
  ])
  const expected = EXPECTED_STATUS[name] ?? 401
  const answer = `${method} ${status}`
  if (status !== expected)
    return { answer, fault: `answers ${status} instead of ${expected}: ${body}` }
  if (expected === 401 && type !== 'application/problem+json') {
    return { answer, fault: `refuses with ${type} instead of application/problem+json` }
  }
  return { answer, fault: null }
}

function run(node, args) {
  const { status, stdout, stderr } = spawnSync(node, args, {
    env: ENVIRONMENT,
    encoding: 'utf8',
    timeout: ANSWER_TIMEOUT_MS,
  })
  if (status !== 0 || stdout === '') throw new Error(stderr.trim() || `no answer (exit ${status})`)
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1))
}
