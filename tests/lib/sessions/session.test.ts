import fc from 'fast-check'
import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anOpenUpload, MIB } from './tracking.ts'

const RUNS = Number(process.env.JETTY_SOAK_RUNS ?? 15)
const CHUNKS = 21

const chunksCompleted = fc.integer({ min: 0, max: CHUNKS + 2 })
const report = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('progress' as const), chunksCompleted }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), chunksCompleted }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('complete' as const) }) },
)
const event = fc.oneof(
  { weight: 8, arbitrary: report },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('done' as const, 'aborted' as const) }),
  },
)
type Report = typeof report extends fc.Arbitrary<infer T> ? T : never
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never
type State = { status: string; chunks: number; upload: 'open' | 'done' | 'aborted' }

/** The state machine in words: what a report answers, and what the session is then. */
function expected(state: State, one: Report): { answer: number; after: State } {
  const target = {
    start: 'in_progress',
    progress: 'in_progress',
    fail: 'failed',
    complete: 'completed',
  }[one.do]
  if (one.do === 'start') return { answer: 200, after: state }
  if (state.status !== 'in_progress')
    return { answer: state.status === target ? 200 : 409, after: state }
  const told = 'chunksCompleted' in one ? one.chunksCompleted : 0
  if (told > CHUNKS) return { answer: 422, after: state }
  if (one.do === 'complete' && state.upload !== 'done') return { answer: 409, after: state }
  if (one.do === 'progress' && state.upload === 'aborted') return { answer: 409, after: state }
  const chunks = one.do === 'complete' ? CHUNKS : Math.max(state.chunks, told)
  return { answer: 200, after: { ...state, status: target, chunks } }
}

function isReport(one: Event): one is Report {
  return one.do !== 'done' && one.do !== 'aborted'
}

async function aSession() {
  const { track, uploadId } = await anOpenUpload(CHUNKS * 5 * MIB)
  const { sessionId } = (await track({ action: 'start', uploadId })).body.session
  return {
    send: ({ do: action, ...figures }: Report) =>
      track({ action, sessionId, ...(action === 'start' && { uploadId }), ...figures }),
    end: (state: string) => query(sql`UPDATE uploads SET state = ${state} WHERE id = ${uploadId}`),
    async read() {
      const [row] = await query(sql`SELECT * FROM upload_sessions WHERE id = ${sessionId}`)
      return { status: row?.status, chunks: row?.chunks_completed }
    },
  }
}

test('any sequence of reports leads where the state machine says, each with its answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 14 }), async (events) => {
      const { send, end, read } = await aSession()
      let state: State = { status: 'in_progress', chunks: 0, upload: 'open' }
      for (const one of events) {
        if (!isReport(one)) {
          if (state.upload !== 'open') continue
          state.upload = one.do
          await end(one.do)
          continue
        }
        const { answer, after } = expected(state, one)
        expect((await send(one)).status, JSON.stringify({ state, one })).toBe(answer)
        state = after
        expect(await read()).toEqual({ status: state.status, chunks: state.chunks })
      }
    }),
    { numRuns: RUNS },
  )
}, 120_000)

test('of reports at once one ending counts, and no accepted progress is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(report, { minLength: 2, maxLength: 12 }), async (reports) => {
      const { send, end, read } = await aSession()
      await end('done')
      const answers = await Promise.all(reports.map(send))
      const accepted = reports.filter((_, index) => answers[index]?.status === 200)
      expect(answers.every(({ status }) => [200, 409, 422].includes(status))).toBe(true)

      const endings = new Set(
        accepted.flatMap((one) => (one.do === 'fail' || one.do === 'complete' ? one.do : [])),
      )
      const status = endings.has('fail') ? 'failed' : 'completed'
      expect(endings.size).toBeLessThanOrEqual(1)
      const { chunks, ...session } = await read()
      expect(session.status).toBe(endings.size === 0 ? 'in_progress' : status)
      const told = accepted.flatMap((one) => (one.do === 'progress' ? one.chunksCompleted : []))
      expect(chunks).toBeGreaterThanOrEqual(Math.max(0, ...told))
    }),
    { numRuns: RUNS },
  )
}, 120_000)
