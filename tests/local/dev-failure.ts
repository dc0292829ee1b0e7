import { inspect } from 'node:util'

/** Error codes of the system, of PostgreSQL's client and of Node, and the sentence a person needs. */
const KNOWN: Record<string, (folder: string) => string> = {
  ENOSPC: (folder) => `The disk is full: nothing can be written to ${folder}.`,
  EDQUOT: (folder) => `The disk quota is used up: nothing can be written to ${folder}.`,
  EROFS: (folder) => `The disk of ${folder} is read-only.`,
  EACCES: (folder) =>
    `${folder} belongs to another user; give it to this one, or start again with --reset.`,
  EPERM: (folder) =>
    `${folder} belongs to another user; give it to this one, or start again with --reset.`,
  '28P01': (folder) =>
    `The secrets in ${folder} are not those of its database; start again with --reset.`,
  ERR_PARSE_ARGS_UNKNOWN_OPTION: () => 'That option is unknown; --help lists them.',
  ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL: () => 'This takes options only; --help lists them.',
  ERR_PARSE_ARGS_INVALID_OPTION_VALUE: () =>
    'An option has no or a wrong value; --help lists them.',
}

/** What went wrong, in one sentence where it is known; else everything there is to see. */
export function sentenceOf(error: unknown, folder: string): string {
  if (!(error instanceof Error)) return inspect(error)
  const known = 'code' in error ? KNOWN[String(error.code)] : undefined
  if (known) return known(folder)
  return error.name === 'Error' && !('code' in error) ? error.message : inspect(error)
}
