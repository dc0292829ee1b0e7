import fc from 'fast-check'

const PATHS = ['a', 'b', 'c/d']
/**
 * Contents that all accounts share: nothing, small ones, and, less often, one of one part that has a manifest and two of
 * several parts, the first of which they have in common.
 */
export const SIZES = [
  0,
  700,
  800,
  900,
  300_000,
  400_000,
  500_000,
  2_000_000,
  3_000_000,
  6 * 1024 * 1024,
  17 * 1024 * 1024,
  17 * 1024 * 1024 + 1,
]
const TIERS = ['free', 'starter', 'pro', 'business'] as const

// Mostly the same few things, so that steps of a round meet.
const who = fc.constantFrom(0, 0, 1, 2)
const which = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5)
const path = fc.constantFrom(...PATHS)
const content = fc.nat(SIZES.length - 1)
const file = fc.record({ content, path, ifNew: fc.boolean(), described: fc.boolean() })
const files = fc.uniqueArray(file, { minLength: 1, maxLength: 3, selector: (one) => one.path })

/** What time does to what an account has: lets it be due for the sweep, or its function have died. */
export const AGES = [
  'uploads',
  'urls',
  'completions',
  'trash',
  'blobs',
  'usage',
  'orphans',
] as const

/**
 * One thing that one of three accounts' clients does, or that happens to it. Uploads and files are those that its clients
 * know of, ended ones included: `which` counts from the newest.
 */
export const step = fc.oneof(
  weighted(6, { do: fc.constant('start' as const), who, files }),
  weighted(3, { do: fc.constant('upload' as const), who, file }),
  weighted(2, { do: fc.constant('sign' as const), who, which }),
  weighted(4, { do: fc.constant('send' as const), who, which }),
  weighted(2, { do: fc.constant('hedge' as const), who, which }),
  weighted(2, { do: fc.constant('delta' as const), who, path }),
  weighted(5, {
    do: fc.constant('complete' as const),
    who,
    which,
    count: fc.constantFrom(1, 2, 3),
  }),
  weighted(3, { do: fc.constant('abort' as const), who, which }),
  weighted(2, { do: fc.constant('clone' as const), who, file }),
  weighted(3, { do: fc.constant('delete' as const), who, which, permanent: fc.boolean() }),
  weighted(2, { do: fc.constant('restore' as const), who, which, path }),
  weighted(3, { do: fc.constant('contend' as const), who, which, path }),
  weighted(2, { do: fc.constant('overtake' as const), who, which }),
  weighted(1, { do: fc.constant('rename' as const), who, which, path }),
  weighted(1, { do: fc.constant('tier' as const), who, tier: fc.constantFrom(...TIERS) }),
  weighted(4, { do: fc.constant('sweep' as const), who, due: fc.subarray([...AGES]) }),
)

/** Several clients at work at the same time; some make a call twice at once, as if they had lost patience. */
export const round = fc.array(fc.record({ step, times: fc.constantFrom(1, 1, 1, 2) }), {
  minLength: 4,
  maxLength: 10,
  size: 'max',
})

/** What the accounts have before that. */
export const beginning = fc.array(fc.record({ do: fc.constant('upload' as const), who, file }), {
  minLength: 6,
  maxLength: 9,
  size: 'max',
})

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function weighted<T>(weight: number, fields: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) {
  return { weight, arbitrary: fc.record<T>(fields) }
}
