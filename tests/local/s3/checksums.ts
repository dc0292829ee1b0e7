import { createHash } from 'node:crypto'
import { makeCrc32, makeCrc32c, makeCrc64Nvme } from './crc.ts'
import { refuse } from './refuse.ts'

/** A running digest of any kind. */
export type Digest = { update(piece: Buffer): void; digest(): Buffer }

const ALGORITHMS = {
  sha256: () => createHash('sha256'),
  sha1: () => createHash('sha1'),
  crc32: makeCrc32,
  crc32c: makeCrc32c,
  crc64nvme: makeCrc64Nvme,
} as const satisfies Record<string, () => Digest>

/** How many bytes each algorithm's value has. */
const BYTES = { sha256: 32, sha1: 20, crc32: 4, crc32c: 4, crc64nvme: 8 } as const

export type ChecksumAlgorithm = keyof typeof ALGORITHMS
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'
/** A value as S3 writes it: base64, with `-N` after it for a composite of N parts. */
export type Checksum = { algorithm: ChecksumAlgorithm; value: string; type: ChecksumType }

export const CHECKSUM_ALGORITHMS: readonly ChecksumAlgorithm[] = [
  'sha256',
  'sha1',
  'crc32',
  'crc32c',
  'crc64nvme',
]

export function newDigest(algorithm: ChecksumAlgorithm): Digest {
  return ALGORITHMS[algorithm]()
}

/** The header of a checksum; its element in XML has another spelling, see `checksumElement`. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm}`
}

export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm.toUpperCase()}`
}

/**
 * An algorithm by its name on the wire, in any case.
 *
 * @throws InvalidRequest for a name S3 does not know
 */
export function parseAlgorithm(name: string): ChecksumAlgorithm {
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name.toLowerCase())
  if (!algorithm) throw refuse('InvalidRequest', 'Checksum algorithm provided is unsupported.')
  return algorithm
}

/**
 * Which value a multipart object gets: SHA only composites, CRC-64/NVME only over the full object ("Checking object
 * integrity", Amazon S3 user guide).
 *
 * @throws InvalidRequest for a combination S3 refuses
 */
export function checksumTypeOf(
  algorithm: ChecksumAlgorithm,
  asked: string | undefined,
): ChecksumType {
  const only = { sha256: 'COMPOSITE', sha1: 'COMPOSITE', crc64nvme: 'FULL_OBJECT' } as const
  const forced = algorithm in only ? only[algorithm as keyof typeof only] : undefined
  if (asked !== undefined && asked !== 'COMPOSITE' && asked !== 'FULL_OBJECT') {
    throw refuse('InvalidRequest', 'Value for x-amz-checksum-type header is invalid.')
  }
  if (forced && asked && asked !== forced) {
    throw refuse(
      'InvalidRequest',
      `The ${asked} checksum type cannot be used with the ${algorithm} algorithm.`,
    )
  }
  return forced ?? asked ?? 'COMPOSITE'
}

/**
 * Checks the form of a declared value.
 *
 * @throws InvalidRequest when it is not base64 of the right length
 */
export function parseChecksum(algorithm: ChecksumAlgorithm, value: string): string {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== BYTES[algorithm] || bytes.toString('base64') !== value) {
    throw refuse('InvalidRequest', `Value for ${checksumHeader(algorithm)} header is invalid.`)
  }
  return value
}

/** The composite of parts in order: the digest over their raw digests, and how many there were. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, values: string[]): Checksum {
  const digest = newDigest(algorithm)
  for (const value of values) digest.update(Buffer.from(value, 'base64'))
  const value = `${digest.digest().toString('base64')}-${values.length}`
  return { algorithm, value, type: 'COMPOSITE' }
}
