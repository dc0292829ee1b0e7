import { open } from 'node:fs/promises'

const SLICE_BYTES = 1024 * 1024

/** Whether two files hold the same bytes. */
export async function sameBytes(one: string, other: string): Promise<boolean> {
  const handles = await Promise.all([open(one, 'r'), open(other, 'r')])
  const slices = handles.map(() => Buffer.allocUnsafe(SLICE_BYTES))
  try {
    for (let at = 0; ; ) {
      const [mine = Buffer.alloc(0), theirs] = await Promise.all(
        handles.map(async (handle, index) => {
          const slice = slices[index] ?? Buffer.alloc(0)
          const { bytesRead } = await handle.read(slice, 0, SLICE_BYTES, at)
          return slice.subarray(0, bytesRead)
        }),
      )
      if (!theirs?.equals(mine)) return false
      if (mine.length === 0) return true
      at += mine.length
    }
  } finally {
    await Promise.all(handles.map((handle) => handle.close()))
  }
}
