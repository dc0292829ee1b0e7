import { bandsOf } from '../../lib/content/bands.ts'
import { type Sketch, similarity, sketchOf } from '../../lib/content/sketch.ts'
import { madeUpMember, sharedExactly } from '../lib/content/made-up-family.ts'

const FILES = 10_000
const CHUNKS = 2000
const THRESHOLD = 0.95
/** 512 for the bins, and for each of 8 bands 4 in the row and 16 for an entry of a B-tree. */
const INDEX_BYTES = 512 + 8 * (4 + 16)
const SHARES = [0.3, 0.5, 0.7, 0.8, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]

type Row = { what: string; figure: number | string }
type Pair = { exact: number; found: boolean; estimate: number }

/**
 * 10,000 sketches of files of about 35 MB: 5,000 pairs, each with its own share in common, spread over 30 to 99 % and,
 * within 1 % of them, at random. Every file is looked up among all by its bands, then compared by sketch.
 */
export function benchSimilarity(): Row[] {
  const { sketches, exact } = madeUpCorpus()
  const index = indexOf(sketches)
  const begun = performance.now()
  const answers = sketches.map((sketch, file) =>
    candidatesOf(sketch, index).filter((other) => other !== file),
  )
  const lookUpMs = (performance.now() - begun) / FILES
  const pairs = exact.map((share, pair) => pairOf(sketches, answers, { share, pair }))
  const strangers = answers.flatMap((found, file) =>
    found.filter((other) => other >> 1 !== file >> 1),
  )
  const clear = pairs.filter(({ exact: share }) => Math.abs(share - THRESHOLD) >= 0.01)
  return [
    ...judged('all pairs', pairs),
    ...judged('pairs not within 94 to 96 %', clear),
    {
      what: 'similar pairs that meet in a band',
      figure: percent(share(pairs.filter(isSimilar), ({ found }) => found)),
    },
    {
      what: 'standard error of the share, 90 to 99 %',
      figure: errorOf(pairs.filter(({ exact: s }) => s > 0.9)),
    },
    { what: 'candidates of unrelated files', figure: strangers.length },
    { what: 'bytes a file, index included', figure: INDEX_BYTES },
    { what: 'look-up and comparison in memory, ms', figure: Math.round(lookUpMs * 10000) / 10000 },
  ]
}

function madeUpCorpus(): { sketches: Sketch[]; exact: number[] } {
  const sketches: Sketch[] = []
  const exact: number[] = []
  for (let family = 0; family < FILES / 2; family++) {
    const share = (SHARES[family % SHARES.length] ?? 0) + ((family * Math.SQRT2) % 0.02) - 0.01
    const size = { count: CHUNKS, kept: Math.round(share * CHUNKS) }
    const [a, b] = [madeUpMember(family, 1, size), madeUpMember(family, 2, size)]
    sketches.push(sketchOf(a), sketchOf(b))
    exact.push(sharedExactly(a, b))
  }
  return { sketches, exact }
}

function indexOf(sketches: Sketch[]) {
  const files = new Map<number, number[]>()
  for (const [file, sketch] of sketches.entries()) {
    for (const band of bandsOf(sketch)) files.set(band, [...(files.get(band) ?? []), file])
  }
  return { files, sketches }
}

function candidatesOf(sketch: Sketch, { files, sketches }: ReturnType<typeof indexOf>): number[] {
  const met = new Set(bandsOf(sketch).flatMap((band) => files.get(band) ?? []))
  const likeness = (file: number) => similarity(sketch, sketches[file] ?? sketch)
  return [...met].sort((a, b) => likeness(b) - likeness(a))
}

function pairOf(
  sketches: Sketch[],
  answers: number[][],
  { share, pair }: { share: number; pair: number },
): Pair {
  const [a, b] = [sketches[pair * 2], sketches[pair * 2 + 1]]
  if (!a || !b) throw new RangeError(`No pair ${pair}`)
  const found = answers[pair * 2]?.includes(pair * 2 + 1) ?? false
  return { exact: share, found, estimate: similarity(a, b) }
}

function judged(name: string, pairs: Pair[]): Row[] {
  const named = pairs.filter(({ found, estimate }) => found && estimate >= THRESHOLD)
  return [
    { what: `precision at 95 %, ${name}`, figure: percent(share(named, isSimilar)) },
    {
      what: `recall at 95 %, ${name}`,
      figure: percent(share(pairs.filter(isSimilar), (pair) => named.includes(pair))),
    },
  ]
}

function isSimilar({ exact }: Pair): boolean {
  return exact >= THRESHOLD
}

function share<T>(all: T[], is: (one: T) => boolean): number {
  return all.filter(is).length / all.length
}

function errorOf(pairs: Pair[]): string {
  const squares = pairs.reduce((sum, { exact, estimate }) => sum + (estimate - exact) ** 2, 0)
  return percent(Math.sqrt(squares / pairs.length))
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`
}
