const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether an argument is written like a file id; a file may be called so, too. */
export function looksLikeFileId(text: string): boolean {
  return UUID.test(text)
}

/**
 * An argument that can only be a file id.
 *
 * @throws Error when it is none
 */
export function fileIdOf(text: string): string {
  if (!looksLikeFileId(text)) throw new Error(`no file has the id or path '${text}'`)
  return text
}
