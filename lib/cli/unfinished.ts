import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Api } from '../client/api.ts'
import type { FileToUpload } from '../client/entry.ts'
import { SINGLE_PART_BYTES_MAX } from '../content/layout.ts'
import { stateFolder } from './settings.ts'

type Upload = { uploadId: string; fileHash: string }

export type Unfinished = {
  begin: (file: FileToUpload, upload: Upload) => Promise<void>
  end: (file: FileToUpload) => Promise<void>
}

/**
 * Remembers which upload each path began, so that a file which changed while its upload lay unfinished is noticed and
 * the old upload given up. A convenience only: resuming needs none of it, and without a place to write nothing is lost.
 * Files of one part are sent whole either way and not remembered.
 */
export function openUnfinished(api: Api, changed: (path: string) => void): Unfinished {
  const folder = stateFolder()
  const noteOf = (file: FileToUpload): string | undefined => {
    if (!folder || file.source.size <= SINGLE_PART_BYTES_MAX) return undefined
    const key = createHash('sha256').update(`${api.url}\n${file.path}`).digest('hex')
    return path.join(folder, 'unfinished', key)
  }

  return {
    begin: async (file, upload) => {
      const noted = noteOf(file)
      if (!noted) return
      const before = await read(noted)
      await write(noted, upload)
      if (!before || before.fileHash === upload.fileHash) return
      changed(file.path)
      const query = new URLSearchParams({ uploadId: before.uploadId })
      // It may be finished, gone, or another account's: then there is nothing to give up.
      await api.call('DELETE', `/api/storage/upload?${query}`).catch(() => {})
    },
    end: async (file) => {
      const noted = noteOf(file)
      if (noted) await rm(noted, { force: true }).catch(() => {})
    },
  }
}

async function read(name: string): Promise<Upload | undefined> {
  try {
    const { uploadId, fileHash }: Upload = JSON.parse(await readFile(name, 'utf8'))
    return { uploadId, fileHash }
  } catch {
    return undefined
  }
}

async function write(name: string, upload: Upload): Promise<void> {
  try {
    await mkdir(path.dirname(name), { recursive: true, mode: 0o700 })
    await writeFile(name, JSON.stringify(upload), { mode: 0o600 })
  } catch {
    // A home that cannot be written to costs the notice, not the upload.
  }
}
