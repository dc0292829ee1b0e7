import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { lineOf } from './smoke/steps.ts'
import { targetOf } from './smoke/target.ts'
import { walkThrough } from './smoke/walk.ts'

const HELP = `npm run smoke -- [--url ADDRESS] [--bypass SECRET] [--json]

Walks through a deployment as a new user would: health, an account, the same again, quota, files up and down, another tier,
files gone. Without --url that is what \`npm run dev\` runs here. Makes a throw-away account (smoke-…), and deletes it at
the end where AGENTCACHE_WEBHOOK_SECRET is set. Sends 17 MiB, fetches as many.

  --url ADDRESS    a deployment; needs its INTERNAL_WEBHOOK_SECRET in the environment
  --bypass SECRET  for a protected preview: sent as x-vercel-protection-bypass (or VERCEL_AUTOMATION_BYPASS_SECRET)
  --json           one JSON object on stdout: { url, userId, ok, steps: [{ name, state, ms, detail }] }
  --home DIR       where npm run dev keeps its data (.jetty)
  --help           this text

Ends with 0 when all is well, 1 when a step failed, 2 when it could not begin, 130 when interrupted.`

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 }

async function main(): Promise<number> {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    options: { url: text, bypass: text, home: text, json: flag, help: { ...flag, short: 'h' } },
  })
  if (values.help) {
    console.log(HELP)
    return EXIT.ok
  }
  const home = resolve(values.home ?? join(import.meta.dirname, '../.jetty'))
  const target = await targetOf({ url: values.url, bypass: values.bypass, home })
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort(new Error('Interrupted.')))

  const say = values.json ? console.error : console.log
  say(target.url)
  const { signal } = controller
  const walk = await walkThrough(target, { signal, onStep: (step) => say(lineOf(step)) }).catch(
    (error) => {
      if (signal.aborted) return null
      throw error
    },
  )
  if (walk === null) return EXIT.interrupted
  if (values.json) console.log(JSON.stringify(walk))
  const failed = walk.steps.filter(({ state }) => state === 'failed').length
  const passed = walk.steps.filter(({ state }) => state === 'ok').length
  say(`${passed} passed, ${failed} failed`)
  return walk.ok ? EXIT.ok : EXIT.failed
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof RangeError || error instanceof TypeError)) throw error
  console.error(`smoke: ${error.message}`)
  process.exitCode = EXIT.usage
}
