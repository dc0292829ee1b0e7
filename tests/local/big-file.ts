import { randomBytes } from 'node:crypto'
import { open, stat } from 'node:fs/promises'

const BLOCK_BYTES = 4 * 1024 * 1024

/** Writes a file of random-looking bytes, every block another, without making them all anew. */
export async function writeBigFile(path: string, bytes: number): Promise<void> {
  const block = randomBytes(BLOCK_BYTES)
  const file = await open(path, 'w')
  for (let offset = 0; offset < bytes; offset += BLOCK_BYTES) {
    block.writeBigUInt64LE(BigInt(offset), 0)
    await file.write(block, 0, Math.min(BLOCK_BYTES, bytes - offset))
  }
  await file.close()
}

/** What `cmp` does. */
export async function areEqual(a: string, b: string): Promise<boolean> {
  if ((await stat(a)).size !== (await stat(b)).size) return false
  const [x, y] = [await open(a), await open(b)]
  const [left, right] = [Buffer.alloc(BLOCK_BYTES), Buffer.alloc(BLOCK_BYTES)]
  try {
    for (;;) {
      const [{ bytesRead }] = await Promise.all([x.read(left), y.read(right)])
      if (bytesRead === 0) return true
      if (!left.subarray(0, bytesRead).equals(right.subarray(0, bytesRead))) return false
    }
  } finally {
    await Promise.all([x.close(), y.close()])
  }
}
