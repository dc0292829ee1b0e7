const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * An argument that can only be a file id.
 *
 * @throws Error when it is none
 */
export function fileIdOf(text: string): string {
  if (!UUID.test(text)) throw new Error(`no file has the id or path '${text}'`)
  return text
}
