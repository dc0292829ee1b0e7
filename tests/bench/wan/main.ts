import { HELP, readOptions } from './options.ts'
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
  else return await measure(options)
  return 0
}

async function measure(options: ReturnType<typeof readOptions>): Promise<number> {
  const scenarios = scenariosNamed(options.scenarios)
  for (const name of options.ways) wayNamed(name)
  const missing = missingForEmulation()
  if (missing.length > 0) {
    console.log(`Skipped: the emulated network needs\n  ${missing.join('\n  ')}`)
    return 0
  }
  const records = await runSuite(scenarios, options)
  return records.some(({ error }) => error !== undefined) ? 1 : 0
}

function listOfAll(): string {
  const scenarios = SCENARIOS.map(
    ({ name, title, link }) => `  ${name.padEnd(16)} ${title} (${link})`,
  )
  const ways = Object.entries(WAYS).map(([name, { label }]) => `  ${name.padEnd(16)} ${label}`)
  return ['scenarios', ...scenarios, 'ways', ...ways].join('\n')
}
