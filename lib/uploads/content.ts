import { contentIdOf, digestFromBase64, parseContentId } from '../content/content-id.ts'
import { layoutOf } from '../content/layout.ts'
import { Problem } from '../problem.ts'
import type { NewFile } from './fields.ts'

/** What is uploaded, apart from where it goes. `partDigests` are raw, 32 bytes each, concatenated. */
export type Content = { fileHash: string; fileSize: number; partCount: number; partDigests: Buffer }

/**
 * The content a client declares, once its parts prove to add up to its content id: the digests that part URLs are
 * signed with are then as sure as the id itself. Otherwise the problem `content-mismatch`.
 */
export async function contentOf(file: NewFile): Promise<Content | Problem> {
  const { fileHash, fileSize } = file
  const { partCount } = layoutOf(fileSize)
  const digests =
    file.partHashes?.flatMap((text) => digestFromBase64(text) ?? []) ?? onlyPartOf(fileHash)
  if (digests.length !== partCount) {
    return mismatch(
      `a file of ${fileSize} bytes has ${partCount} parts, here are ${digests.length} digests`,
    )
  }
  if ((await contentIdOf(digests)) !== fileHash)
    return mismatch('the digests do not add up to fileHash')
  return { fileHash, fileSize, partCount, partDigests: Buffer.concat(digests) }
}

/** The digest of one part in base64. */
export function partDigestOf(partDigests: Buffer, partNumber: number): string {
  return partDigests.subarray((partNumber - 1) * 32, partNumber * 32).toString('base64')
}

/** The content id of a file of one part is that part's digest, so such a file needs no list. */
function onlyPartOf(fileHash: string): Uint8Array[] {
  const id = parseContentId(fileHash)
  return id?.parts === 1 ? [Buffer.from(id.digest, 'hex')] : []
}

function mismatch(detail: string): Problem {
  const pointer = '/partHashes'
  return new Problem('content-mismatch', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] })
}
