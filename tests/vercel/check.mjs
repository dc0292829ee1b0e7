// `npm run vercel-check`: builds the project with Vercel's own CLI, offline, then looks at what would be deployed:
// every function answers a request, none costs too much to import, and nothing outside public/ is published.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from './build.mjs'
import { readFunctions } from './functions.mjs'
import { askFunction, importCost } from './measure.mjs'
import { checkPublished } from './published.mjs'
import { installToolchain } from './toolchain.mjs'

const IMPORT_CPU_MS_MAX = 60
/** Vercel's free plan stops here unless functions are grouped. */
const FUNCTIONS_MAX = 12
const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

if (process.argv.includes('--help')) {
  console.log(
    'npm run vercel-check: what `vercel build` makes of this project, built offline and looked at.',
  )
  process.exit()
}

/** Each check is a list of faults; no faults is a pass. */
const checks = []
const temporary = mkdtempSync(join(tmpdir(), 'jetty-vercel-'))
try {
  check(temporary)
} catch (error) {
  checks.push([error.message])
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

const failed = checks.filter((faults) => faults.length > 0)
for (const fault of failed.flat()) console.error(`FAILED  ${fault}`)
console.log(`vercel: ${checks.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length > 0 ? 1 : 0

function check(folder) {
  const toolchain = installToolchain()
  const project = join(folder, 'project')
  const { output, log, files } = buildProject({ root, into: project, toolchain })
  const functions = readFunctions(output, join(folder, 'functions'))

  checks.push(
    log.includes('from ESM to CommonJS') ? ['a function was compiled to CommonJS'] : [],
    checkEmitted(files, functions),
    checkPublished(project, output),
  )
  console.log('function                         import CPU ms   raw  size kB  answer')
  for (const fn of functions) checks.push(inspect(toolchain.node, fn))
  describeGrouping(functions)
}

/** Vercel's rule: every TypeScript file under api/ but declarations and paths with `/_` or `/.` is a function. */
function checkEmitted(files, functions) {
  const emitted = new Set(functions.map(({ name }) => `${name}.ts`))
  return files
    .filter((file) => /^api\/.*\.ts$/.test(file) && !/\/[_.]|\.d\.ts$/.test(file))
    .filter((file) => !emitted.has(file))
    .map((file) => `${file} became no function`)
}

/** Prints a function's line and says what is wrong with it. */
function inspect(node, fn) {
  try {
    const { cpuMs, rawMs } = importCost(node, fn.entry, IMPORT_CPU_MS_MAX)
    const { answer, fault } = askFunction(node, fn)
    const figures = [cpuMs.toFixed(1).padStart(13), rawMs.toFixed(1).padStart(5)]
    console.log(
      [fn.name.padEnd(32), ...figures, fn.sizeKb.toFixed(0).padStart(8), ` ${answer}`].join(' '),
    )

    const slow = `${fn.name}: importing it costs ${cpuMs.toFixed(1)} ms of CPU; the limit is ${IMPORT_CPU_MS_MAX}`
    return [cpuMs > IMPORT_CPU_MS_MAX ? slow : null, fault && `${fn.name}: ${fault}`].filter(
      Boolean,
    )
  } catch (error) {
    console.log(`${fn.name.padEnd(32)} does not run`)
    return [`${fn.name}: ${error.message}`]
  }
}

function describeGrouping(functions) {
  const grouped = functions.filter(({ config }) => config.experimentalAllowBundling === true).length
  const limit = `the free plan allows ${FUNCTIONS_MAX} that are not`
  console.log(`${functions.length} functions, ${grouped} of which Vercel may group; ${limit}`)
}
