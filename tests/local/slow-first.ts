import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that take longest (30 to 120 s on two cores), most of it waiting, whatever their size says. Those that start `npm run dev`
 * stand apart: it takes the same ports each time.
 */
const SLOWEST = [
  'flows/walk-through',
  'flows/browser',
  'contract/s3',
  'flows/command-line',
  'flows/restarts',
  'flows/dedup-indistinguishable',
  'faults/sweep',
  'flows/edges-under-way',
  'lib/client/upload',
  'flows/interleavings',
  'lib/cli/cli',
  'local/dev',
]

/** The slowest files first, then the larger ones: none of them is what everything waits for in the end. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = SLOWEST.findIndex((name) => moduleId.endsWith(`/tests/${name}.test.ts`))
      return at < 0 ? SLOWEST.length : at
    }
    // Sorting is stable: what is not named keeps vitest's order.
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
