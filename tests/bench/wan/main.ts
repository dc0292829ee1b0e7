import { checkWan } from './check.ts'
import { HELP, type Options, readOptions } from './options.ts'
import { readRecords } from './record.ts'
import { printReport, writeReport } from './report.ts'
import { missingForEmulation } from './requirements.ts'
import { SCENARIOS, scenariosNamed } from './scenarios.ts'
import { runSuite } from './suite.ts'
import { WAYS, wayNamed } from './ways.ts'

/** `npm run bench -- wan …`; gives the exit status. */
export async function benchWan(words: string[]): Promise<number> {
  try {
    return await act(words)
  } catch (error) {
    console.error(`bench wan: ${error instanceof Error ? error.message : error}`)
    return 2
  }
}

async function act(words: string[]): Promise<number> {
  const options = readOptions(words)
  if (options.act === 'help') console.log(HELP)
  else if (options.act === 'list') console.log(listOfAll())
  else if (options.act === 'check') return await checkWan()
  else if (options.act === 'report') report(options)
  else return await measure(options)
  return 0
}

function report({ file = '', markdown, write }: Options): void {
  const records = readRecords(file)
  if (write) writeReport(records)
  else printReport(records, markdown)
}

async function measure(options: Options): Promise<number> {
  const scenarios = scenariosNamed(options.scenarios)
  for (const name of options.ways) wayNamed(name)
  const missing = missingForEmulation()
  if (missing.length > 0) {
    console.log(`Skipped: the emulated network needs\n  ${missing.join('\n  ')}`)
    return 0
  }
  const records = await runSuite(scenarios, options)
  printReport(records, options.markdown)
  return records.some(({ error }) => error !== undefined) ? 1 : 0
}

function listOfAll(): string {
  const scenarios = SCENARIOS.map(
    ({ name, title, link }) => `  ${name.padEnd(16)} ${title} (${link})`,
  )
  const ways = Object.entries(WAYS).map(([name, { label }]) => `  ${name.padEnd(16)} ${label}`)
  return ['scenarios', ...scenarios, 'ways', ...ways].join('\n')
}
