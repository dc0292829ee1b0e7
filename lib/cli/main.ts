import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { messageOf, problemOf } from '../client/failure.ts'
import type { Command, Flags } from './command.ts'
import { COMMANDS, COMMON_OPTIONS } from './commands.ts'
import { EXIT, exitCodeOf, interruption, usageError } from './exit.ts'
import { helpOf, overview } from './help.ts'
import { note, say, showText } from './output.ts'
import { readSettings } from './settings.ts'

/** Runs the command line and ends the process with the exit code of docs/cli.md. */
export async function main(argv: string[]): Promise<void> {
  const controller = new AbortController()
  const interrupt = () => {
    // Who asks twice does not want to wait.
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort(interruption())
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  process.stdout.on('error', endOfPipe)
  process.exitCode = await run(argv, controller.signal).catch(complain)
  process.off('SIGINT', interrupt)
  process.off('SIGTERM', interrupt)
}

async function run(argv: string[], signal: AbortSignal): Promise<number> {
  const [name = '--help', ...rest] = argv
  if (name === '--version') return show(readVersion())
  if (name === '--help' || name === '-h' || name === 'help') return show(overview())
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) throw usageError(`There is no command '${name}'; see \`jetty --help\`.`)
  const { values, positionals } = parse(command, rest)
  if (values.help) return show(helpOf(command))

  const settings = () =>
    readSettings({ url: textOf(values.url), apiKey: textOf(values['api-key']) })
  return command.run({ flags: flagsOf(values), args: positionals, settings, signal })
}

function parse(command: Command, args: string[]) {
  try {
    const options = { ...command.options, ...COMMON_OPTIONS }
    const values: Record<string, unknown> = {}
    const parsed = parseArgs({ args, options, allowPositionals: true })
    return { values: Object.assign(values, parsed.values), positionals: parsed.positionals }
  } catch (cause) {
    throw usageError(`${messageOf(cause)}\nUsage: jetty ${command.usage}`, cause)
  }
}

function flagsOf(values: Record<string, unknown>): Flags {
  const connections = textOf(values.connections)
  if (connections !== undefined && !/^[1-9][0-9]{0,2}$/.test(connections)) {
    throw usageError('--connections takes a number from 1 to 999.')
  }
  return { ...values, connections: connections === undefined ? undefined : Number(connections) }
}

function complain(error: unknown): number {
  const code = exitCodeOf(error)
  if (code === EXIT.interrupted) return code
  const refusedKey = problemOf(error)?.status === 401
  const message = refusedKey ? 'the service does not accept this API key' : messageOf(error)
  note(`jetty: ${showText(message).replaceAll('\\x0a', '\n')}`)
  if (code !== undefined) return code
  return refusedKey ? EXIT.auth : EXIT.failed
}

/** `jetty ls | head` is no failure; a full disk is one. */
function endOfPipe(error: Error): void {
  if ('code' in error && error.code === 'EPIPE') process.exit(EXIT.ok)
  process.exit(complain(error))
}

function show(text: string): number {
  say(text)
  return EXIT.ok
}

function readVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return version
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
