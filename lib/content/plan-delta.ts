import type { Chunks } from './chunk.ts'
import { type ChunkIndex, createChunkIndex } from './chunk-index.ts'
import { type Layout, layoutOf, partRange } from './layout.ts'

/** S3 copies ranges only of an object larger than this (UploadPartCopy, `x-amz-copy-source-range`). */
export const COPY_SOURCE_BYTES_MIN = 5 * 1024 * 1024

/**
 * So many average chunks at either edge of a part may differ because of what was changed beyond it: the chunks that an edit
 * of 4 KiB takes along reach further in less than one case of 100.
 */
const EDGE_AVERAGES = 6

/**
 * Where a part's bytes come from: the range of the base that begins at `baseOffset`, or, where it is null, the client.
 * `isSure` says that all chunks agree; else only the digest of the copy will tell.
 */
export type PartSource = {
  partNumber: number
  length: number
  baseOffset: number | null
  isSure: boolean
}

/** Chunks that a part touches, and where in the first of them it begins. */
type Span = { first: number; last: number; skip: number }

/**
 * For each part of a file, in order, the one range of bytes of the base that it equals as far as chunk ids say, or null.
 * A part is copied when all chunks that it touches, the cut ones at its edges included, follow each other in the base,
 * too. That is a hint: an equal id of other bytes has a chance of 2^-48 for each changed chunk, and the digest of the copy
 * tells. Where only chunks at its edges differ, a change beyond the edge is supposed, and a copy is worth a try. Nothing is copied for a file of one part, from a base that S3 cannot copy a range of, or between different
 * averages. Takes time in proportion to the chunks, whatever they are.
 */
export function planDelta(base: Chunks, file: Chunks): PartSource[] {
  const layout = layoutOf(file.fileSize)
  const index = copies(base, file, layout) ? createChunkIndex(base) : null
  const spanOf = createSpans(file, layout)
  const sources: PartSource[] = []
  let shift = 0
  for (let partNumber = 1; partNumber <= layout.partCount; partNumber++) {
    const { offset, length } = partRange(layout, partNumber)
    const span = spanOf(partNumber)
    const search = index && { base, file, index, span, shift }
    const found = search && findShift(search)
    shift = found ?? shift
    const baseOffset =
      search && (found === null ? guess(search, offset, length) : offsetAt(search, shift))
    sources.push({ partNumber, length, baseOffset, isSure: found !== null })
  }
  return sources
}

/** What the client has to send, in bytes, if every copy succeeds. */
export function bytesToSend(sources: readonly PartSource[]): number {
  return sources.reduce(
    (sum, { length, baseOffset }) => sum + (baseOffset === null ? length : 0),
    0,
  )
}

function copies(base: Chunks, file: Chunks, layout: Layout): boolean {
  if (base.averageBytes !== file.averageBytes) return false
  return layout.partCount > 1 && base.fileSize > COPY_SOURCE_BYTES_MIN
}

/** The chunks of one part after the other, in order. */
function createSpans({ offsets }: Chunks, layout: Layout) {
  let first = 0
  let last = 0
  return (partNumber: number): Span => {
    const { offset, length } = partRange(layout, partNumber)
    while ((offsets[first + 1] ?? Number.POSITIVE_INFINITY) <= offset) first += 1
    last = Math.max(first, last)
    while ((offsets[last + 1] ?? Number.POSITIVE_INFINITY) < offset + length) last += 1
    return { first, last, skip: offset - (offsets[first] ?? 0) }
  }
}

type Search = { base: Chunks; file: Chunks; index: ChunkIndex; span: Span; shift: number }

/**
 * By how many chunks the base's are ahead of the part's: first where the part before was found, then where the base has
 * the part's rarest chunk.
 */
function findShift(search: Search): number | null {
  if (matches(search, search.shift)) return search.shift
  const { anchor, places } = rarest(search)
  return places.map((place) => place - anchor).find((shift) => matches(search, shift)) ?? null
}

/** Where the base has the part that it has at this shift. */
function offsetAt({ base, span }: Search, shift: number): number {
  return (base.offsets[span.first + shift] ?? 0) + span.skip
}

/** Where the base has the part if all that differs is the chunks at its edges, seen from the one in its middle. */
function guess(search: Search, offset: number, length: number): number | null {
  const { base, file, index, span } = search
  const edgeBytes = EDGE_AVERAGES * file.averageBytes
  const middle = (span.first + span.last) >> 1
  for (const place of index.find(file.ids[middle] ?? 0)) {
    const { begin, end, shift } = around(search, middle, place)
    const at = (file.offsets[begin] ?? 0) - offset
    const baseOffset = (base.offsets[begin + shift] ?? 0) - at
    const left = length - ((file.offsets[end] ?? 0) - offset)
    if (Math.max(at, left) > edgeBytes) continue
    if (baseOffset >= 0 && baseOffset + length <= base.fileSize) return baseOffset
  }
  return null
}

/** The chunks of the part that agree around one that the base has at this place. */
function around({ base, file, span }: Search, middle: number, place: number) {
  const shift = place - middle
  let begin = middle
  while (begin > span.first && isSame({ base, file }, begin - 1, shift)) begin -= 1
  let end = middle
  while (end <= span.last && isSame({ base, file }, end, shift)) end += 1
  return { begin, end, shift }
}

type Anchor = { anchor: number; places: number[]; rarity: number }

/** The chunk of the part that the base has in the fewest places; no place when it lacks any of the chunks. */
function rarest(search: Search): Anchor {
  const { file, span } = search
  let best = anchorAt(search, span.first)
  for (let at = span.first + 1; at <= span.last && best.rarity > 1; at++) {
    if (file.ids[at] === file.ids[at - 1]) continue
    const other = anchorAt(search, at)
    if (other.rarity < best.rarity) best = other
  }
  return best
}

/** One among equals marks no exact place: it counts as the least rare. */
function anchorAt({ file, index }: Search, anchor: number): Anchor {
  const places = index.find(file.ids[anchor] ?? 0)
  const rarity = places.some(index.repeats) ? Number.POSITIVE_INFINITY : places.length
  return { anchor, places, rarity }
}

/** Whether the base has all chunks of the part, one after the other, so many further on. */
function matches({ base, file, span }: Search, shift: number): boolean {
  if (span.first + shift < 0 || span.last + shift >= base.ids.length) return false
  for (let index = span.first; index <= span.last; index++) {
    if (!isSame({ base, file }, index, shift)) return false
  }
  return true
}

/** Whether the base has a chunk of the file, so many further on. */
function isSame(
  { base, file }: { base: Chunks; file: Chunks },
  index: number,
  shift: number,
): boolean {
  if (base.ids[index + shift] !== file.ids[index]) return false
  return lengthAt(base, index + shift) === lengthAt(file, index)
}

function lengthAt({ offsets }: Chunks, index: number): number {
  return (offsets[index + 1] ?? 0) - (offsets[index] ?? 0)
}
