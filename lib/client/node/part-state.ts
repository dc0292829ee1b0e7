import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createBitmap } from '../bitmap.ts'

/** The state follows the bytes at this distance, in ms; what it lacks is fetched again. */
const SAVE_EVERY_MS = 500

/** What the bytes beside the state belong to. */
export type PartVersion = { fileId: string; fileHash: string; rangeBytes: number }

export type PartState = {
  downloadId: () => string | undefined
  begin: (downloadId: string) => Promise<void>
  missing: () => number[]
  have: (index: number) => void
  /** Saves for the last time; what arrives later is not recorded. */
  end: () => Promise<void>
  forget: () => Promise<void>
}

type Saved = PartVersion & { downloadId: string; have: string }

/** Which of `count` ranges are there, kept in a small JSON file; empty when it speaks of another version. */
export async function openPartState(
  name: string,
  { version, count, fresh }: { version: PartVersion; count: number; fresh: boolean },
): Promise<PartState> {
  const saved = fresh ? undefined : await read(name, version)
  const bitmap = createBitmap(count, saved?.have)
  let downloadId = saved?.downloadId
  let saving: Promise<void> = Promise.resolve()
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false

  async function write(): Promise<void> {
    const text = JSON.stringify({ ...version, downloadId, have: bitmap.toText() })
    // A kill in the middle leaves the old state.
    await writeFile(`${name}.new`, text)
    await rename(`${name}.new`, name)
  }

  async function save(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    if (!downloadId) return
    saving = saving.catch(() => {}).then(write)
    await saving
  }

  return {
    downloadId: () => downloadId,
    begin: async (id) => {
      downloadId = id
      await save()
    },
    missing: () => bitmap.missing(),
    have: (index) => {
      bitmap.add(index)
      // A disk that cannot take the state cannot take the bytes either; those say so.
      if (!ended) timer ??= setTimeout(() => void save().catch(() => {}), SAVE_EVERY_MS)
    },
    end: async () => {
      ended = true
      await save()
    },
    forget: async () => {
      await rm(name, { force: true })
    },
  }
}

async function read(name: string, wanted: PartVersion): Promise<Saved | undefined> {
  try {
    const saved: Saved = JSON.parse(await readFile(name, 'utf8'))
    const same =
      saved.fileId === wanted.fileId &&
      saved.fileHash === wanted.fileHash &&
      saved.rangeBytes === wanted.rangeBytes
    return same ? saved : undefined
  } catch {
    return undefined
  }
}
