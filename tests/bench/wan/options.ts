import { parseArgs } from 'node:util'

export const HELP = `Usage: npm run bench -- wan [--scenario NAME,..] [--ways NAME,..] [--runs N] [--json FILE] [--install] [--markdown]
       npm run bench -- wan report FILE [--markdown] [--write]
       npm run bench -- wan check

Real uploads over an emulated long way: this project's client, functions and relays beside published clients, over the same
links to the same store, in turns. Needs Linux, root, /dev/net/tun, a C compiler and iproute2; says what is missing.

  --scenario  which networks and files; all of them unless given (--list names them)
  --ways      which clients; those of the scenario unless given
  --runs N    how often each way goes (5)
  --json FILE appends each run as a line of JSON
  --install   apt-installs rclone and awscli where they are missing; else they are left out by name
  --markdown  prints tables as docs/benchmarks.md has them
  --list      the scenarios and the ways
  --help      this text

report makes the tables from a file of records; --write puts them, and the plots, into docs/. check uploads 10 MB and 40 MB once
each, to see that all of it works; its figures mean nothing.`

export type Options = {
  act: 'measure' | 'report' | 'check' | 'help' | 'list'
  file?: string
  scenarios: string[]
  ways: string[]
  runs: number
  json?: string
  install: boolean
  markdown: boolean
  write: boolean
}

const RUNS = 5

/** @throws Error of one sentence for what cannot be meant */
export function readOptions(words: string[]): Options {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      ...{ scenario: text, ways: text, runs: text, json: text },
      ...{ install: flag, markdown: flag, write: flag, list: flag, help: { ...flag, short: 'h' } },
    },
  })
  const [act = 'measure', file] = positionals
  if (act !== 'measure' && act !== 'report' && act !== 'check')
    throw new Error(`${act} is unknown.`)
  if (act === 'report' && file === undefined) throw new Error('report needs a file of records.')
  const runs = Number(values.runs ?? RUNS)
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs} is not a count.`)
  const { json, install, markdown, write, help, list } = values
  const asked = (help && 'help') || (list && 'list') || undefined
  return {
    act: asked ?? act,
    ...(file !== undefined && { file }),
    ...(json !== undefined && { json }),
    scenarios: namesIn(values.scenario),
    ways: namesIn(values.ways),
    runs,
    install,
    markdown,
    write,
  }
}

function namesIn(text = ''): string[] {
  return text.split(',').filter((name) => name !== '')
}
