import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHashPool } from '../../lib/client/node/hash-pool.ts'
import { layoutOf } from '../../lib/content/layout.ts'
import { writeBigFile } from '../local/big-file.ts'

const FILE_BYTES = 512 * 1024 * 1024

type Row = { way: string; 'MB/s': number; 'CPU s/GB': number }

/** Part digests of a file of 512 MiB in the page cache: the client's pool beside one stream through one hash. */
export async function benchHashing(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'jetty-bench-'))
  const path = join(folder, 'file')
  await writeBigFile(path, FILE_BYTES)
  const pool = createHashPool()
  const stream = async () => {
    const hash = createHash('sha256')
    for await (const piece of createReadStream(path)) hash.update(piece)
  }
  const inParts = async () => {
    const fd = openSync(path, 'r')
    const { signal } = new AbortController()
    await pool.digest(fd, layoutOf(FILE_BYTES), { md5: false, signal, onBytes: () => {} })
    closeSync(fd)
  }
  await inParts()
  const rows = [await measure('parts on all cores', inParts), await measure('one stream', stream)]
  await pool.close()
  await rm(folder, { recursive: true })
  return rows
}

async function measure(way: string, act: () => Promise<void>): Promise<Row> {
  const [cpu, begun] = [process.cpuUsage(), performance.now()]
  await act()
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - begun) / 1000
  const gigabytes = FILE_BYTES / 1e9
  return {
    way,
    'MB/s': Math.round(FILE_BYTES / 1e6 / seconds),
    'CPU s/GB': Math.round(((user + system) / 1e6 / gigabytes) * 100) / 100,
  }
}
