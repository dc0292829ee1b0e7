import { writeBigFile } from '../../local/big-file.ts'
import { buildPrograms } from './build.ts'
import { measureRun } from './measure.ts'
import { counts, type RunRecord } from './record.ts'
import { missingForEmulation } from './requirements.ts'
import type { Scenario } from './scenarios.ts'
import { inWorld } from './suite.ts'

const MB = 1e6
const FUNCTION_CALLS_MAX = 3

const SCENARIO: Scenario = {
  name: 'check',
  title: 'an upload of one part and one of eight',
  link: '200m,0.01',
  fileBytes: 40 * MB,
  ways: ['ours'],
  hasty: true,
}

type Check = { name: string; fileBytes: number; fault: (record: RunRecord) => string | null }

/** Everything that a whole run needs, in the least time: the figures mean nothing. */
const CHECKS: readonly Check[] = [
  { name: '10 MB in one PUT over the emulated way', fileBytes: 10 * MB, fault: tooManyCalls },
  { name: '40 MB in 8 parts over five relays', fileBytes: 40 * MB, fault: noRelay },
]

/**
 * `npm run bench -- wan check`: two uploads over the emulated network, each a test that passes, fails, or is skipped by name
 * where this machine cannot run it. A late emulator fails nothing; an upload that is not stored does.
 */
export async function checkWan(): Promise<number> {
  const missing = missingForEmulation()
  if (missing.length > 0) {
    for (const { name } of CHECKS) console.log(`skipped: ${name}`)
    console.log(`The emulated network needs\n  ${missing.join('\n  ')}`)
    console.log(`wan: 0 passed, 0 failed, ${CHECKS.length} skipped`)
    return 0
  }
  const faults = await faultsOf(CHECKS)
  for (const [at, { name }] of CHECKS.entries()) {
    const fault = faults[at] ?? null
    console.log(fault === null ? `passed: ${name}` : `FAILED: ${name}: ${fault}`)
  }
  const failed = faults.filter((fault) => fault !== null).length
  console.log(`wan: ${CHECKS.length - failed} passed, ${failed} failed`)
  return failed > 0 ? 1 : 0
}

/** What is wrong with each, or null. What keeps all of them from running is wrong with those that did not run. */
async function faultsOf(checks: readonly Check[]): Promise<(string | null)[]> {
  const faults: (string | null)[] = []
  try {
    const programs = buildPrograms()
    await inWorld(SCENARIO, programs, async (world, file) => {
      for (const { fileBytes, fault } of checks) {
        await writeBigFile(file, fileBytes)
        const attempt = { scenario: { ...SCENARIO, fileBytes }, world, programs, file }
        const record = await measureRun(attempt, { name: 'ours', round: 0 })
        if (!counts(record)) console.log(`the emulator was late (${record.latePercent} %)`)
        faults.push(record.error ?? fault(record))
      }
    })
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    return checks.map((_, at) => (at < faults.length ? (faults[at] ?? null) : words))
  }
  return faults
}

function tooManyCalls({ functionCalls = 0 }: RunRecord): string | null {
  return functionCalls <= FUNCTION_CALLS_MAX ? null : `it took ${functionCalls} function calls`
}

function noRelay({ perPath = {} }: RunRecord): string | null {
  return Object.keys(perPath).some((path) => path !== 'direct') ? null : 'no relay was used'
}
