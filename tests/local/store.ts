import { startChild } from './child.ts'

export type StoreOptions = {
  dataDir: string
  port?: number
  profile?: 'aws' | 'compat'
  accessKeyId: string
  secretAccessKey: string
  region: string
  bucket: string
}
export type Store = { endpoint: string; stop(): Promise<void> }

/** The S3 server: in this process, or in one of its own where bytes are to flow fast. */
export async function startStore(options: StoreOptions, separate: boolean): Promise<Store> {
  if (separate) {
    const { ready, stop } = await startChild('s3/main.ts', options)
    return { endpoint: String(ready.endpoint), stop }
  }
  const { startS3 } = await import('./s3/server.ts')
  return await startS3(options)
}
