import { rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Check, checksOf } from './demo/checks.ts'
import { startFar } from './demo/far.ts'
import { type GivenFile, givenFile } from './demo/given-file.ts'
import { type Measured, measure, type Scene } from './demo/measure.ts'
import { describeProfile } from './demo/profile.ts'
import { ratioOf, report, verdict } from './demo/report.ts'
import { createScreen } from './demo/screen.ts'
import { startStack } from './stack.ts'
import { temporaryFolder } from './temporary.ts'

const HELP = `npm run demo -- [FILE] [--json]

Starts everything on this machine and moves a real file: up over five relays beside one plain stream, both under an
emulated distance, and down again; without distance; killed and resumed; a second time. Prints what it measured.

  FILE     the file; Node's own binary when none is named, at most its first 128 MiB
  --json   the measurements as one JSON object on stdout
  --help   this text`

const EXIT_FAILED = 1
const EXIT_INTERRUPTED = 130
const ASKED_AGAIN_MS = 500

async function main(): Promise<void> {
  const { file, json, help } = parseOptions()
  if (help) return console.log(HELP)
  const signal = stopOnSignals()
  const began = performance.now()
  const screen = createScreen(json ? process.stderr : process.stdout)
  const undo: (() => Promise<unknown>)[] = []
  try {
    const scene = await setUp({ file, screen, signal, undo })
    screen.say(started(scene, performance.now() - began))
    const measured = await measure(scene)
    const checks = checksOf(measured, scene.given.size)
    for (const line of ['', ...report(scene.given, measured), '']) screen.say(line)
    await stopAll(undo)

    const seconds = (performance.now() - began) / 1000
    for (const line of verdict(checks, seconds)) screen.say(line)
    if (json) console.log(JSON.stringify(results(scene.given, measured, { checks, seconds })))
    if (checks.some(({ kept }) => !kept)) process.exitCode = EXIT_FAILED
  } finally {
    await stopAll(undo)
  }
}

function parseOptions(): { file: string | undefined; json: boolean; help: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  const [file, ...others] = positionals
  if (others.length > 0) throw new Error('Name one file.')
  return { file, json: values.json ?? false, help: values.help ?? false }
}

function stopOnSignals(): AbortSignal {
  const controller = new AbortController()
  let askedAt = Number.POSITIVE_INFINITY
  const stop = () => {
    // Whoever asks twice does not want to wait; the children end with this process. tsx may pass one Ctrl-C on twice.
    if (performance.now() - askedAt > ASKED_AGAIN_MS) process.exit(EXIT_INTERRUPTED)
    askedAt = Math.min(askedAt, performance.now())
    controller.abort(new Error('Interrupted.'))
    process.exitCode = EXIT_INTERRUPTED
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop)
  return controller.signal
}

type SetUp = Pick<Scene, 'screen' | 'signal'> & {
  file: string | undefined
  undo: (() => Promise<unknown>)[]
}

async function setUp({ file, screen, signal, undo }: SetUp): Promise<Scene> {
  // Node 20 will do; the SDK's reminder would stand between the lines.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const folder = await temporaryFolder()
  undo.push(() => rm(folder, { recursive: true, force: true }))
  const given = await givenFile(file, folder)
  const stack = await screen.during('starting', () => startStack({ functions: true }))
  undo.push(stack.stop)
  const { url, functionStats } = stack
  if (!url || !functionStats) throw new Error('The functions did not start.')
  signal.throwIfAborted()

  Object.assign(process.env, stack.env)
  const far = await screen.during('putting distance around it', () => startFar(stack))
  undo.push(far.stop)
  signal.throwIfAborted()
  return { stack: { ...stack, url, functionStats }, far, given, folder, screen, signal }
}

function started({ stack, far }: Scene, ms: number): string {
  return [
    `Started in ${(ms / 1000).toFixed(1)} s, on this machine:`,
    `  PostgreSQL, Redis, an S3 store (${stack.s3Endpoint}), five relays, the functions (${stack.url})`,
    `  and, at an emulated distance from the same store, five relays and functions more (${far.url})`,
    '',
  ].join('\n')
}

function results(given: GivenFile, measured: Measured, end: { checks: Check[]; seconds: number }) {
  return {
    ...given,
    ratioEmulated: ratioOf(measured),
    profile: describeProfile(),
    ...measured,
    ...end,
  }
}

async function stopAll(undo: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step()
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode ??= EXIT_FAILED
})
