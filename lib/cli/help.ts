import type { Command } from './command.ts'
import { COMMANDS, COMMON_EXPLAINED } from './commands.ts'

const EXIT_CODES =
  'Exit codes: 0 done, 1 something failed, 2 usage, 3 key not accepted, 130 interrupted.'

/** What `jetty --help` prints. */
export function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]): [string, string] => [
    name,
    summary,
  ])
  return [
    'Usage: jetty COMMAND [OPTIONS]',
    '',
    ...table(commands),
    '',
    ...table([...COMMON_EXPLAINED, ['--version', 'the version']]),
    '',
    '`jetty COMMAND --help` explains one command.',
    EXIT_CODES,
  ].join('\n')
}

/** What `jetty COMMAND --help` prints. */
export function helpOf({ usage, summary, explained }: Command): string {
  return [
    `Usage: jetty ${usage}`,
    '',
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    '',
    ...table([...explained, ...COMMON_EXPLAINED]),
    '',
    EXIT_CODES,
  ].join('\n')
}

function table(rows: [string, string][]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)
}
