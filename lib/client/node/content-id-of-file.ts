import { open } from 'node:fs/promises'
import { contentIdOf } from '../../content/content-id.ts'
import { layoutOf } from '../../content/layout.ts'
import type { HashPool } from './hash-pool.ts'

/** The content id of a file on disk as it is now; `onBytes` hears of each part's bytes. */
export async function contentIdOfFile(
  file: string,
  {
    pool,
    signal,
    onBytes = () => {},
  }: { pool: HashPool; signal: AbortSignal; onBytes?: (bytes: number) => void },
): Promise<string> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const digests = await pool.digest(handle.fd, layoutOf(size), { md5: false, signal, onBytes })
    return await contentIdOf(digests.map(({ sha256 }) => sha256))
  } finally {
    await handle.close()
  }
}
