/** What PostgreSQL says when it cannot start, and the sentence a person needs. */
const CAUSES: [RegExp, (dataDir: string) => string][] = [
  [
    /No space left on device|Disk quota exceeded/,
    (dir) => `The disk is full: PostgreSQL cannot write to ${dir}.`,
  ],
  [
    /could not look up effective user ID/,
    () => 'PostgreSQL needs a user with a name; this uid has none.',
  ],
  [
    /Permission denied/,
    (dir) => `PostgreSQL may not write to ${dir}; give the folder to the user it runs as.`,
  ],
  [
    /Address already in use/,
    () => 'The port of PostgreSQL was taken in the same moment; start again.',
  ],
  [
    /database files are incompatible|not compatible with this version/,
    (dir) =>
      `The data in ${dir} was made by another version of PostgreSQL; start again with --reset to forget it.`,
  ],
  [
    /error while loading shared libraries|not found|ENOENT/,
    () => 'PostgreSQL cannot run here: a library is missing; run npm ci again.',
  ],
]

/** The reason why PostgreSQL did not start, in one sentence; its own words are the cause. */
export function explainFailure(output: string, dataDir: string): Error {
  const cause = new Error(output.trim() || 'PostgreSQL said nothing.')
  const known = CAUSES.find(([pattern]) => pattern.test(output))
  const sentence =
    known?.[1](dataDir) ??
    `The data in ${dataDir} is damaged; start again with --reset to forget it.`
  return new Error(sentence, { cause })
}
