import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { relaysFromText, relaysToText } from '../client/known-relays.ts'
import type { UploadOptions } from '../client/upload.ts'
import type { Edge } from '../client/wire.ts'
import { stateFolder } from './settings.ts'

/** The relays that a service offered last, in this machine's state folder; without one, nothing is remembered. */
export function rememberWays(serviceUrl: string): UploadOptions['ways'] {
  const folder = stateFolder()
  if (!folder) return undefined
  const key = createHash('sha256').update(serviceUrl).digest('hex')
  const file = path.join(folder, 'ways', key)
  let isSaved = false

  return {
    known: async () => relaysFromText(await readFile(file, 'utf8')),
    learn: (edges) => {
      if (isSaved) return
      isSaved = true
      void save(file, edges)
    },
  }
}

async function save(file: string, edges: Edge[]): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, relaysToText(edges), { mode: 0o600 })
  } catch {
    // A home that cannot be written to costs a few round trips next time.
  }
}
