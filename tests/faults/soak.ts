import { spawn } from 'node:child_process'

const HELP = `Usage: npm run soak -- [--runs N]

Runs what takes longer than a test may: the interleavings of clients N times (default 300) instead of a few.`

const at = process.argv.indexOf('--runs')
const runs = at === -1 ? 300 : Number(process.argv[at + 1])
if (process.argv.includes('--help')) console.log(HELP)
else if (!Number.isInteger(runs) || runs < 1) {
  console.error(`soak: --runs takes a number of 1 or more\n\n${HELP}`)
  process.exitCode = 2
} else {
  const child = spawn('npx', ['vitest', 'run', 'tests/flows/interleavings.test.ts'], {
    stdio: 'inherit',
    env: { ...process.env, JETTY_SOAK_RUNS: String(runs) },
  })
  child.once('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
