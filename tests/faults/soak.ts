import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { reportOf } from './load/report.ts'
import { runLoad } from './load/run.ts'

const HELP = `Usage: npm run soak -- [--seconds N] [--clients N] [--seed N] [--think-ms N] [--json]
       npm run soak -- --interleavings N

Runs what takes longer than a test may. Without options, a load run: 200 clients for a minute against a stack of its own, while
its services fail now and then; then it looks whether anything was lost. Ends with "N passed, N failed".

  --seconds N        how long clients work (60)
  --clients N        how many (200), on 20 accounts
  --seed N           of what clients do and of the faults; a new one each time unless given
  --think-ms N       how long a client pauses on average between two things (5000)
  --json             the result as one JSON object on stdout, the report on stderr
  --interleavings N  instead, the property test of tests/flows/interleavings.test.ts, N times instead of a few`

const COUNTS = { seconds: 60, clients: 200, 'think-ms': 5_000 }

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      ...{ seconds: text, clients: text, seed: text, 'think-ms': text, interleavings: text },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  if (values.interleavings !== undefined)
    return interleave(count('interleavings', values.interleavings))

  const options = {
    seconds: count('seconds', values.seconds ?? COUNTS.seconds),
    clients: count('clients', values.clients ?? COUNTS.clients),
    thinkMs: count('think-ms', values['think-ms'] ?? COUNTS['think-ms']),
    seed: count('seed', values.seed ?? 1 + Math.floor(Math.random() * 1e6)),
  }
  // Node 20 will do; the SDK's reminder would stand between the lines.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const say = (line: string) => (values.json ? console.error(line) : console.log(line))
  const result = await runLoad(options, say)
  for (const line of reportOf(result)) say(line)
  if (values.json) console.log(JSON.stringify(result))
  if (result.checks.some(({ isKept }) => !isKept)) process.exitCode = 1
}

function interleave(runs: number): void {
  const child = spawn('npx', ['vitest', 'run', 'tests/flows/interleavings.test.ts'], {
    stdio: 'inherit',
    env: { ...process.env, JETTY_SOAK_RUNS: String(runs) },
  })
  child.once('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

function count(name: string, given: string | number): number {
  const number = Number(given)
  if (Number.isInteger(number) && number >= 1) return number
  throw new RangeError(`--${name} takes a number of 1 or more`)
}

main().catch((error: unknown) => {
  const isMistaken = error instanceof RangeError || error instanceof TypeError
  console.error(isMistaken ? `soak: ${error.message}\n\n${HELP}` : error)
  process.exitCode = isMistaken ? 2 : 1
})
