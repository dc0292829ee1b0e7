import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
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
    known: async () => {
      const edges: unknown = JSON.parse(await readFile(file, 'utf8'))
      return Array.isArray(edges) ? edges.filter(isEdge) : []
    },
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
    const text = JSON.stringify(edges.map(({ id, url }) => ({ id, url })))
    await writeFile(file, text, { mode: 0o600 })
  } catch {
    // A home that cannot be written to costs a few round trips next time.
  }
}

function isEdge(value: unknown): value is Edge {
  const { id, url }: Partial<Edge> = Object(value)
  return typeof id === 'string' && typeof url === 'string' && /^https?:/.test(url)
}
