import { refuse } from './refuse.ts'

export type ByteRange = { offset: number; length: number }

/**
 * The one range of a Range header (`bytes=a-b`, `bytes=a-`, `bytes=-n`); undefined for none, several, or another unit,
 * which are answered with the whole (RFC 9110, section 14.2).
 *
 * @throws InvalidRange when no byte of it exists
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), size)
    if (length === 0) throw refuse('InvalidRange', undefined, { ActualObjectSize: String(size) })
    return { offset: size - length, length }
  }
  const offset = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < offset) return undefined
  if (offset >= size) throw refuse('InvalidRange', undefined, { ActualObjectSize: String(size) })
  return { offset, length: end - offset + 1 }
}

/**
 * The range of a part copy: both ends, and both inside the source ("UploadPartCopy", Amazon S3 API reference).
 *
 * @throws InvalidArgument for another form, InvalidRange for no byte or an end beyond the source
 */
export function parseCopyRange(header: string | undefined, size: number): ByteRange {
  if (header === undefined) return { offset: 0, length: size }
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? []
  if (first === undefined) {
    throw refuse(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last.',
    )
  }
  if (Number(last) >= size || Number(last) < Number(first)) {
    throw refuse('InvalidRange', `Range specified is not valid for source object of size: ${size}`)
  }
  return { offset: Number(first), length: Number(last) - Number(first) + 1 }
}
