import { objectUrl, store } from './config.ts'
import { manifestKeyOf } from './keys.ts'
import { headersToSign } from './sign-parts.ts'
import { presign, presigner } from './sigv4.ts'

/** How long URLs of chunk manifests live. */
export const MANIFEST_URL_SECONDS = 15 * 60

/** A presigned PUT. `headers` are all that must be sent besides `content-length`. `expiresAt` is RFC 3339. */
export type SignedManifest = { url: string; headers: Record<string, string>; expiresAt: string }

/** The manifest of the object under `key`: its length, its SHA-256 in base64. `guarded` refuses copies on stores that need it. */
export type ManifestTarget = { key: string; bytes: number; digest: string; guarded: boolean }

/** Signs the upload of a chunk manifest, bound to its length and digest as parts are. No I/O. */
export function signManifest(target: ManifestTarget, now = new Date()): SignedManifest {
  const { key, bytes, digest, guarded } = target
  const headers = headersToSign({ checksum: 'sha256', guarded })
  const { url, sign } = presigner(store, {
    method: 'PUT',
    url: objectUrl(manifestKeyOf(key)),
    query: { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', 'x-id': 'PutObject' },
    headers,
    expiresInSeconds: MANIFEST_URL_SECONDS,
    now,
  })
  const signature = sign({ length: String(bytes), digest })
  const toSend = Object.entries(headers)
    .filter(([name]) => name !== 'content-length')
    .map(([name, value]) => [name, typeof value === 'string' ? value : digest])
  return {
    url: url.replace('{signature}', signature),
    headers: Object.fromEntries(toSend),
    expiresAt: expiry(now),
  }
}

/** Signs the download of the manifest of the object under `key`. No I/O: whether there is one, the store says. */
export function signManifestDownload(
  key: string,
  now = new Date(),
): { url: string; expiresAt: string } {
  const url = presign(store, {
    method: 'GET',
    url: objectUrl(manifestKeyOf(key)),
    query: { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', 'x-id': 'GetObject' },
    headers: {},
    expiresInSeconds: MANIFEST_URL_SECONDS,
    now,
  })
  return { url, expiresAt: expiry(now) }
}

/** The signature's time has whole seconds. */
function expiry(now: Date): string {
  return new Date((Math.floor(now.getTime() / 1000) + MANIFEST_URL_SECONDS) * 1000).toISOString()
}
