const PATH_BYTES_MAX = 1024

/** Why the service would refuse a path (docs/api.md, "start or resume"); undefined when it would not. */
export function refusedPath(path: string): string | undefined {
  const bytes = new TextEncoder().encode(path).length
  if (bytes === 0) return 'the path is empty'
  if (bytes > PATH_BYTES_MAX) return `the path has ${bytes} bytes; ${PATH_BYTES_MAX} are allowed`
  if (hasControlCharacter(path)) return 'the path has a control character'
  if (/\p{Surrogate}/u.test(path)) return 'the path is not UTF-8'
  const bad = path
    .split('/')
    .find((segment) => segment === '' || segment === '.' || segment === '..')
  if (bad === '') return 'the path begins or ends with a slash, or has two in a row'
  return bad === undefined ? undefined : `the path has the segment '${bad}'`
}

/** A name under a prefix, which may end in a slash or be empty. */
export function joinWirePath(prefix: string, name: string): string {
  const folder = prefix.replace(/\/+$/, '')
  return folder === '' ? name : `${folder}/${name}`
}

/** C0, DEL and C1. */
function hasControlCharacter(text: string): boolean {
  return Array.from(text).some((character) => {
    const code = character.charCodeAt(0)
    return code < 0x20 || (code >= 0x7f && code <= 0x9f)
  })
}
