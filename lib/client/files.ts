import type { Api } from './api.ts'
import type { FileEntry, LiveUpload, UploadState } from './wire.ts'

/** The live files whose paths begin with a prefix, in the order of their paths; one call per 1,000. */
export async function* filesUnder(api: Api, prefix: string): AsyncGenerator<FileEntry> {
  let cursor: string | null = ''
  do {
    const query = new URLSearchParams({
      limit: '1000',
      ...(prefix ? { prefix } : {}),
      ...(cursor ? { cursor } : {}),
    })
    const page: { files: FileEntry[]; cursor: string | null } = await api.call(
      'GET',
      `/api/storage/files?${query}`,
    )
    yield* page.files
    cursor = page.cursor
  } while (cursor)
}

/** The file at exactly this path, if there is one; one call. */
export async function fileAt(api: Api, path: string): Promise<FileEntry | undefined> {
  // By path, the file itself comes before everything that its path is a prefix of: the first page has it.
  const query = new URLSearchParams({ limit: '100', prefix: path })
  const page = await api.call<{ files: FileEntry[] }>('GET', `/api/storage/files?${query}`)
  return page.files.find((file) => file.path === path)
}

/** The account's open uploads, newest first; one call per 1,000. */
export async function* openUploads(api: Api): AsyncGenerator<UploadState> {
  let cursor: string | null = ''
  do {
    const query = new URLSearchParams({ limit: '1000', ...(cursor ? { cursor } : {}) })
    const page: { uploads: UploadState[]; cursor: string | null } = await api.call(
      'GET',
      `/api/storage/upload?${query}`,
    )
    yield* page.uploads
    cursor = page.cursor
  } while (cursor)
}

/** How the account's open uploads go, newest first; one call per 100. */
export async function* liveUploads(api: Api): AsyncGenerator<LiveUpload> {
  let cursor: string | null = ''
  do {
    const query = new URLSearchParams({ limit: '100', ...(cursor ? { cursor } : {}) })
    const page: { uploads: LiveUpload[]; cursor: string | null } = await api.call(
      'GET',
      `/api/jetty/track-upload?${query}`,
    )
    yield* page.uploads
    cursor = page.cursor
  } while (cursor)
}
