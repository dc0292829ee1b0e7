import { join } from 'node:path'
import { writeBigFile } from '../../local/big-file.ts'
import { buildPrograms, type Programs } from './build.ts'
import { type Attempt, measureRun } from './measure.ts'
import { appendRecord, counts, type RunRecord } from './record.ts'
import type { Scenario } from './scenarios.ts'
import { rotated } from './statistics.ts'
import { provide } from './tools.ts'
import { type Need, wayNamed } from './ways.ts'
import { startWorld, type World } from './world.ts'

const WARM_UP_BYTES = 64e6

export type SuiteOptions = { ways: string[]; runs: number; install: boolean; json?: string }

/**
 * Runs scenarios one after the other, each in a world of its own; in each round every way once, in an order that turns. Ways
 * whose program is missing are left out by name. Each record is told as it comes.
 */
export async function runSuite(scenarios: Scenario[], options: SuiteOptions): Promise<RunRecord[]> {
  const wanted = scenarios.map((scenario) => ({
    ...scenario,
    ways: options.ways.length > 0 ? options.ways : scenario.ways,
  }))
  const programs = buildPrograms()
  const missing = provide(needsOf(wanted), options.install)
  for (const need of missing) console.log(`left out: ways that need ${need} (--install)`)

  const records: RunRecord[] = []
  for (const scenario of wanted) {
    const ways = scenario.ways.filter((name) => {
      const { needs } = wayNamed(name)
      return needs === undefined || !missing.has(needs)
    })
    records.push(...(await runScenario({ ...scenario, ways }, { ...options, programs })))
  }
  return records
}

async function runScenario(
  scenario: Scenario,
  { runs, json, programs }: SuiteOptions & { programs: Programs },
): Promise<RunRecord[]> {
  console.log(`\n${scenario.name}: ${scenario.title} (${scenario.link})`)
  const records: RunRecord[] = []
  await inWorld(scenario, programs, async (world, file) => {
    const calm = { ...scenario, kills: false }
    if (!scenario.cold) await warmEdges({ scenario: calm, world, programs, file })
    await writeBigFile(file, scenario.fileBytes)
    for (let round = 0; round < runs; round += 1) {
      for (const name of rotated(scenario.ways, round)) {
        if (round > 0 && scenario.once?.includes(name)) continue
        const record = await measureRun({ scenario, world, programs, file }, { name, round })
        records.push(record)
        if (json) appendRecord(json, record)
        console.log(lineOf(record))
      }
    }
  })
  return records
}

/**
 * What edges look like that somebody used today: an upload that nobody counts over each way that has one. Without it the first
 * rounds would measure how windows open; that is what the scenario `cold` is for.
 */
async function warmEdges(attempt: Attempt): Promise<void> {
  await writeBigFile(attempt.file, WARM_UP_BYTES)
  for (const name of attempt.scenario.ways.filter((name) => wayNamed(name).isOverEdge)) {
    const { error } = await measureRun(attempt, { name, round: -1 })
    if (error !== undefined) console.log(`  warming up ${name} failed: ${error}`)
  }
}

/** Starts a scenario's world for a while, with the name of a file to send; it goes when this process is told to, too. */
export async function inWorld(
  scenario: Scenario,
  programs: Programs,
  act: (world: World, file: string) => Promise<void>,
): Promise<void> {
  const tus = scenario.ways.includes('tus')
  const world = await startWorld(scenario, { programs, tus })
  const end = () => void world.stop().then(() => process.exit(1))
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    await act(world, join(world.folder, 'file.bin'))
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
    await world.stop()
  }
}

function needsOf(scenarios: Scenario[]): Set<Need> {
  const needs = scenarios.flatMap(({ ways }) => ways.map((name) => wayNamed(name).needs))
  return new Set(needs.filter((need) => need !== undefined))
}

function lineOf(record: RunRecord): string {
  const { way, round, seconds, fileBytes, lineBytes, latePercent, emulatorCpuShare, error } = record
  if (error !== undefined) return `  ${round + 1} ${way.padEnd(15)} FAILED: ${error}`
  const figures = [
    `${seconds.toFixed(2)} s`.padStart(9),
    `${((fileBytes * 8) / seconds / 1e6).toFixed(0)} Mbit/s`.padStart(11),
    `line ${((100 * lineBytes) / fileBytes).toFixed(0)} %`,
    `late ${latePercent} %`,
    `emulator ${emulatorCpuShare} core`,
    `store ${record.storeCpuSeconds} s`,
    `idle ${record.idlePercent.toFixed(0)} %`,
    `load ${record.load}`,
  ]
  return `  ${round + 1} ${way.padEnd(15)} ${figures.join(', ')}${counts(record) ? '' : '  DISCARDED'}`
}
