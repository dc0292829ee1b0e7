import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anOpenUpload, MIB } from '../sessions/tracking.ts'

const RUNS = Number(process.env.JETTY_SOAK_RUNS ?? 15)
const CHUNKS = 21

const status = fc.constantFrom('pending', 'uploading', 'completed', 'completed', 'failed')
const word = fc.record({ chunkIndex: fc.nat(CHUNKS - 1), status })
/** Calls that are under way at once: one word, several, or a session's report, each sent up to three times. */
const call = fc.record({
  words: fc.array(word, { minLength: 1, maxLength: 6 }),
  by: fc.constantFrom('word', 'batch', 'report'),
  times: fc.integer({ min: 1, max: 3 }),
})
const waves = fc.array(fc.array(call, { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 4,
})
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never

async function aLedger() {
  const { tell, track, chunks, uploadId } = await anOpenUpload(CHUNKS * 5 * MIB)
  const { sessionId } = (await track({ action: 'start', uploadId })).body.session
  const send = async ({ words, by }: Call) => {
    if (by === 'batch') return [await tell({ uploadId, chunks: words })]
    if (by === 'word') return await Promise.all(words.map((one) => tell({ sessionId, ...one })))
    const completed = completedIn([{ words }]).map((index) => [index, index])
    return [await track({ action: 'progress', sessionId, completed })]
  }
  return { send, read: async () => (await chunks(`uploadId=${uploadId}`)).body }
}

function completedIn(calls: Pick<Call, 'words'>[]): number[] {
  const words = calls.flatMap((one) => one.words)
  return [...new Set(words.flatMap((one) => (one.status === 'completed' ? one.chunkIndex : [])))]
}

test('whatever is told, again, at once or out of order: what counts is the set of chunks completed once', async () => {
  await fc.assert(
    fc.asyncProperty(waves, async (all) => {
      const { send, read } = await aLedger()
      for (const wave of all) {
        const calls = wave.flatMap((one) => Array.from({ length: one.times }, () => one))
        const answers = (await Promise.all(calls.map(send))).flat()
        expect(answers.map((one) => one.status)).toEqual(answers.map(() => 200))
      }

      const completed = completedIn(all.flat()).sort((a, b) => a - b)
      const body = await read()
      const told = body.chunks.filter((one: { status: string }) => one.status === 'completed')
      expect(told.map((one: { chunkIndex: number }) => one.chunkIndex)).toEqual(completed)
      expect(body.chunksCompleted).toBe(completed.length)
      expect(body.bytesUploaded).toBe(completed.length * 5 * MIB)
    }),
    { numRuns: RUNS },
  )
}, 120_000)
