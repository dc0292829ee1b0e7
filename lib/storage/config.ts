import { env } from '../env.ts'
import { escapePath } from './canonical-request.ts'

/** What it takes to talk to an S3-compatible store. `endpoint` is an absolute URL, its path included if it has one. */
export type Store = {
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

/** The store of this deployment. */
export const store: Store = {
  endpoint: env.LYVE_ENDPOINT,
  region: env.LYVE_REGION,
  bucket: env.LYVE_BUCKET_NAME,
  accessKeyId: env.LYVE_ACCESS_KEY,
  secretAccessKey: env.LYVE_SECRET_KEY,
}

/** The unsigned path-style URL of an object; Lyve Cloud's API guide knows no other style. */
export function objectUrl(key: string): string {
  const { origin, pathname } = new URL(store.endpoint)
  return `${origin}${pathname.replace(/\/$/, '')}/${escapePath(`${store.bucket}/${key}`)}`
}
