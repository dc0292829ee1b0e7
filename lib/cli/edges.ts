import type { Context, Flags } from './command.ts'
import { usageError } from './exit.ts'

/** The flags of every form beside `--json`. */
const COMMON = ['json', 'url', 'api-key', 'help']
const FORMS: Record<string, string[]> = {
  rank: ['size', 'priority', 'map'],
  status: ['map'],
  register: ['id', 'edge-url', 'alternate-url', 'public-key', 'city', 'country', 'lat', 'lng'],
  drain: [],
  resume: [],
  retire: [],
}

/** jetty edges: the ways to the store, ranked as seen from here; with a word, the catalogue and its administration. */
export async function edgesCommand(context: Context): Promise<number> {
  const [verb = 'rank', ...ids] = context.args
  const isForm = Object.hasOwn(FORMS, verb) && (verb !== 'rank' || context.args.length === 0)
  if (!isForm) {
    throw usageError('edges: say `edges`, or one of status, register, drain, resume, retire.')
  }
  refuseOthers(verb, context.flags)
  if (context.flags.map && context.flags.json) throw usageError('edges: --map or --json, not both.')

  if (verb === 'rank') return (await import('./edges-rank.ts')).rankCommand(context)
  if (verb === 'status') return (await import('./edges-status.ts')).statusCommand(context, ids)
  return (await import('./edges-admin.ts')).adminCommand(context, verb, ids)
}

function refuseOthers(verb: string, flags: Flags): void {
  const allowed = [...COMMON, ...(FORMS[verb] ?? [])]
  const other = Object.entries(flags).find(
    ([name, value]) => value !== undefined && !allowed.includes(name),
  )
  if (!other) return
  throw usageError(`edges${verb === 'rank' ? '' : ` ${verb}`} takes no --${other[0]}.`)
}
