import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Api } from '../../lib/client/api.ts'
import type { FileOutcome, FileResult } from '../../lib/client/entry.ts'
import { fileSource } from '../../lib/client/node/file-source.ts'
import { createHashPool } from '../../lib/client/node/hash-pool.ts'
import { createSender } from '../../lib/client/node/send-part.ts'
import { uploadFiles } from '../../lib/client/upload.ts'

/** A path that fails for so long fails the step. */
const PATIENCE_MS = 20_000

export type Content = { path: string; bytes: Buffer }

export function newContent(path: string, size: number): Content {
  return { path, bytes: randomBytes(size) }
}

/**
 * Uploads contents with the engine of the command line, over all paths that are offered.
 *
 * @throws the error of the first file that failed
 */
export async function uploadContents(
  api: Api,
  contents: Content[],
  signal: AbortSignal,
): Promise<FileResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'jetty-smoke-'))
  const tools = { pool: createHashPool(1), sender: createSender() }
  const outcomes: FileOutcome[] = []
  try {
    const files = await Promise.all(
      contents.map(async ({ path, bytes }, n) => {
        const file = join(folder, String(n))
        await writeFile(file, bytes)
        const found = await stat(file, { bigint: true })
        return { path, name: path, source: fileSource(file, found, tools) }
      }),
    )
    const onFile = (outcome: FileOutcome) => void outcomes.push(outcome)
    await uploadFiles(files, { api, signal, onFile, patienceMs: PATIENCE_MS })
  } finally {
    tools.sender.close()
    await tools.pool.close()
    await rm(folder, { recursive: true, force: true })
  }
  return outcomes.map(({ file, result, error }) => {
    if (!result) throw new Error(`${file.path}: ${error.message}`, { cause: error })
    return result
  })
}

/** Fetches a link's bytes from the store and compares them. No header of the deployment goes there. */
export async function isSame(
  url: string,
  { bytes }: Content,
  signal: AbortSignal,
): Promise<boolean> {
  const response = await fetch(url, { signal })
  if (!response.ok) throw new Error(`the store answered ${response.status} to a download`)
  return sha256(Buffer.from(await response.arrayBuffer())) === sha256(bytes)
}

/** `direct 40 %, lon-1 60 %`: over which paths bytes went. */
export function waysOf(results: FileResult[]): string {
  const bytes = new Map<string, number>()
  for (const { paths } of results)
    for (const [id, n] of Object.entries(paths)) bytes.set(id, (bytes.get(id) ?? 0) + n)
  const all = [...bytes.values()].reduce((sum, n) => sum + n, 0)
  const shares = [...bytes].filter(([, n]) => n > 0).sort(([, a], [, b]) => b - a)
  return shares.map(([id, n]) => `${id} ${Math.round((100 * n) / all)} %`).join(', ')
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
