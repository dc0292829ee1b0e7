import '../local/global-scope.ts'
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { POST as copy } from '../../api/storage/copy.ts'
import { POST as start } from '../../api/storage/upload.ts'
import { mapConcurrently } from '../../lib/concurrency.ts'
import { median, percentile } from '../bench/wan/statistics.ts'
import { anAccount } from '../local/account.ts'
import { aContent } from '../local/content.ts'
import { rankTest } from '../local/rank-test.ts'
import { type Answer, call } from '../local/request.ts'
import { uploadWhole, usageOf } from '../local/uploading.ts'

/** Just challenged for. */
const BYTES = 1024 * 1024 + 1
const CONTENTS = 25
const ACCOUNTS = 20
/** Once in 10,000 runs chance alone looks like a leak. */
const ALPHA = 1e-4
/** Were one kind slower by so much of what times vary by (their interquartile range), it would be seen. */
const LEAK = 0.4

type Sample = { ms: number[]; answers: Set<string> }
type Asker = { apiKey: string; accountId: string }
type Guess = { fileHash: string; isStored: boolean }

const samples = () => ({
  stored: { ms: [], answers: new Set() } satisfies Sample as Sample,
  unknown: { ms: [], answers: new Set() } satisfies Sample as Sample,
})

/** Who has a content decides nothing that is seen: only what is the caller's own or random is left out, and how edges stand just now. */
const OWN =
  /^(requestId|uploadId|fileHash|path|url|token|nonce|expiresAt|serverTime|grant|edges|direct|\d+)$/

async function measured(sample: Sample, act: () => Promise<Answer>): Promise<Answer> {
  const begun = performance.now()
  const answer = await act()
  sample.ms.push(performance.now() - begun)
  const { status, body, headers } = answer
  const names = [...headers.keys()].filter((name) => !name.startsWith('ratelimit')).join()
  const text = JSON.stringify(body, (name, value) => (OWN.test(name) ? typeof value : value))
  sample.answers.add(`${status} ${names} ${text}`)
  return answer
}

/** The same contents in another order for everyone, those that are stored and the others in turn. */
function guessesOf(stored: string[]): Guess[] {
  const shuffled = stored.map((fileHash) => ({ fileHash, at: Math.random() }))
  shuffled.sort((a, b) => a.at - b.at)
  return shuffled.flatMap(({ fileHash, at }) => {
    const guess = { fileHash, isStored: true }
    const nobodys = { fileHash: `sha256:${randomBytes(32).toString('hex')}`, isStored: false }
    return at * 1e6 - Math.floor(at * 1e6) < 0.5 ? [guess, nobodys] : [nobodys, guess]
  })
}

test('of 2,000 starts and wrong proofs none tells by its body, status, charge or time whether somebody else has the content', {
  timeout: 180_000,
}, async () => {
  const ada = await anAccount()
  const contents = await mapConcurrently(Array.from({ length: CONTENTS }), 4, () => aContent(BYTES))
  await mapConcurrently(contents, 4, (content) =>
    uploadWhole(ada.apiKey, content, content.fileHash.slice(7)),
  )
  const stored = contents.map(({ fileHash }) => fileHash)
  const askers: Asker[] = []
  for (let n = 0; n < ACCOUNTS; n++) askers.push(await anAccount())

  const [starts, proofs] = [samples(), samples()]
  // A refusal waits for most of its two seconds: the next files are started meanwhile.
  const refusals: Promise<Answer>[] = []
  for (const { apiKey } of askers)
    for (const { fileHash, isStored } of guessesOf(stored)) {
      const kind = isStored ? 'stored' : 'unknown'
      const ask = (handler: typeof copy, path: string, body: object) =>
        call(handler, 'POST', path, { as: apiKey, body })
      const files = [{ path: fileHash.slice(7), fileHash, fileSize: BYTES }]
      const started = await measured(starts[kind], () =>
        ask(start, '/api/storage/upload', { files }),
      )
      const [{ uploadId, challenge }] = started.body.results
      const proof = { token: challenge.token, answer: randomBytes(32).toString('base64') }
      refusals.push(
        measured(proofs[kind], () => ask(copy, '/api/storage/copy', { uploadId, proof })),
      )
    }
  await Promise.all(refusals)
  for (const { accountId } of askers)
    expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 2 * CONTENTS * BYTES })

  for (const [what, { stored: hits, unknown: misses }] of Object.entries({ starts, proofs })) {
    expect(hits.ms).toHaveLength(ACCOUNTS * CONTENTS)
    expect(hits.answers.size, what).toBe(1)
    expect(misses.answers, what).toEqual(hits.answers)
    expect(rankTest(hits.ms, misses.ms), what).toBeGreaterThan(ALPHA)
  }
  for (const [what, { stored: hits, unknown: misses }] of Object.entries({ starts, proofs })) {
    const leakMs = LEAK * (percentile(misses.ms, 75) - percentile(misses.ms, 25))
    console.log(`${what}: median ${median(misses.ms)} ms; ${leakMs} ms more would be seen`)
    const slower = hits.ms.map((ms) => ms + leakMs)
    expect(rankTest(slower, misses.ms), `a leak of ${what}`).toBeLessThan(ALPHA)
  }
})
