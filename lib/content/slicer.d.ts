import type { ChunkSizes } from './chunk-sizes.ts'

/**
 * Takes successive slices of one file. `push` gives the bytes of the chunks that end in a slice, good until the next one is
 * pushed and as long as the slice itself is; `rest` what follows the last of them, the file's last chunk when there is no
 * more. Memory: two chunks of the greatest length (four averages).
 */
export type Slicer = {
  push: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>[]
  rest: () => Uint8Array<ArrayBuffer>
}

export function createSlicer(sizes: ChunkSizes): Slicer
