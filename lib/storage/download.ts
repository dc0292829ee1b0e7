import { s3 } from './client.ts'
import { store } from './config.ts'

/** What file systems allow; a longer name would also make the URL longer than stores accept. */
const FILE_NAME_BYTES_MAX = 255
const EXTENSION_CHARACTERS_MAX = 16

/** How the browser is to treat the bytes. The file name is the last segment of a path, in any script. */
export type DownloadOptions = { fileName: string; contentType: string; expiresInSeconds: number }

/** A URL that gives the object as an attachment, whatever its content type: never a page of the store's own origin. */
export async function presignDownload(key: string, options: DownloadOptions): Promise<string> {
  const { client, sdk } = await s3()
  const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
  const command = new sdk.GetObjectCommand({
    Bucket: store.bucket,
    Key: key,
    ResponseContentDisposition: attachment(options.fileName),
    ResponseContentType: mediaType(options.contentType),
  })
  return await getSignedUrl(client, command, { expiresIn: options.expiresInSeconds })
}

/**
 * `Content-Disposition` for a file name (RFC 6266): an ASCII fallback, and the name itself in UTF-8 (RFC 8187). Control
 * characters, slashes and lone surrogates are replaced; names above 255 bytes are cut before the extension.
 */
export function attachment(fileName: string): string {
  const name = shortened(fileName.replace(/[\p{Cc}\p{Cs}\u2028\u2029/\\]/gu, '_')) || 'download'
  const fallback = name.replace(/[^\x20-\x7e]/gu, '_').replace(/["%]/g, '_')
  return `attachment; filename="${fallback}"; filename*=UTF-8''${escapeExtended(name)}`
}

/** RFC 8187, section 3.2.1: everything but attr-char is percent-encoded. */
function escapeExtended(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  })
}

function shortened(name: string): string {
  if (Buffer.byteLength(name) <= FILE_NAME_BYTES_MAX) return name
  const dot = name.lastIndexOf('.')
  const isExtension = dot > 0 && name.length - dot <= EXTENSION_CHARACTERS_MAX
  const extension = isExtension ? name.slice(dot) : ''
  const characters = [...name.slice(0, name.length - extension.length)]
  while (Buffer.byteLength(characters.join('') + extension) > FILE_NAME_BYTES_MAX) characters.pop()
  return characters.join('') + extension
}

function mediaType(contentType: string): string {
  return /^[\x21-\x7e][\x20-\x7e]*$/.test(contentType) ? contentType : 'application/octet-stream'
}
