import type { Direct, Edge, Grant } from './wire.ts'

/** What the control plane says of a download (docs/api.md). Sizes are bytes. */
export type DownloadAnswer = {
  url: string
  downloadId: string
  expiresInSeconds: number
  fileId: string
  fileSize: number
  fileHash: string
  fileName: string
  verified: boolean
  edges: Edge[]
  direct?: Direct
  grant: Grant | null
  connections: number
}
