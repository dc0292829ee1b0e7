import '../../../local/global-scope.ts'
import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { aContent } from '../../../local/content.ts'
import { throughProxies } from '../../../local/proxied.ts'
import type { Answer } from '../../../local/request.ts'

const MIB = 1024 * 1024
const STEP_MS = 2_000
const MINUTE_MS = 60_000
const LIMIT = { timeout: 60_000 }

const { sql, redis, s3 } = await throughProxies()
const { challengeOf } = await import('../../../../lib/possession/challenge.ts')
const { anAccount } = await import('../../../local/account.ts')
const { answerTo, copier, opening } = await import('../../../local/proving.ts')
const { sendParts, uploader, uploadWhole, usageOf } = await import('../../../local/uploading.ts')

const REFUSED = { status: 403, body: { type: '/errors/proof-refused' } }

/** Ada stores a content of so many bytes, and Bob, who has it too, wants to. */
async function adaAndBob(size: number) {
  const [ada, bob] = [await anAccount(), await anAccount()]
  const content = await aContent(size)
  await uploadWhole(ada.apiKey, content, 'a')
  return { content, bob, ...uploader(bob.apiKey), ...copier(bob.apiKey) }
}

test.each([
  ['one part', 3 * MIB, 1],
  ['several parts', 21 * MIB, 5],
])(
  'a content of %s that another account has is copied for a proof, and completes as if it had been sent',
  LIMIT,
  async (_, size, parts) => {
    const { content, bob, prove, complete } = await adaAndBob(size)
    const opened = await opening(bob.apiKey, content, { path: 'b' })
    expect(await prove(opened, content.bytes)).toMatchObject({
      status: 200,
      body: { uploadId: opened.uploadId, copied: [[1, parts]], refused: [], left: [] },
    })
    expect(await usageOf(bob.accountId)).toEqual({ used: 0, reserved: size })
    expect((await opening(bob.apiKey, content, { path: 'b' })).storedParts).toEqual([[1, parts]])
    expect((await complete(opened.uploadId)).body.results[0]).toMatchObject({
      status: 'stored',
      fileHash: content.fileHash,
      verified: true,
      files: [{ path: 'b' }],
    })
    expect(await usageOf(bob.accountId)).toEqual({ used: size, reserved: 0 })
  },
)

test(
  'start, proof and completion are all that it takes: each costs few round trips, and the reads of the proof',
  LIMIT,
  async () => {
    const { content, prove, complete, start } = await adaAndBob(17 * MIB)
    await start([await aContent(1), { path: 'warm-up' }])
    const costs: object[] = []
    const counted = async (act: () => Promise<Answer>) => {
      for (const proxy of [sql, redis, s3]) proxy.passed.length = 0
      const answer = await act()
      costs.push({ sql: sql.passed.length, redis: redis.passed.length })
      return answer
    }
    const started = await counted(() => start([content, { path: 'b' }]))
    const [opened] = started.body.results
    await counted(() => prove(opened, content.bytes))
    // A HEAD for the decoy in a new process, a listing, four copies; reads may be made again on a new connection.
    const rest = s3.passed.length - opened.challenge.ranges.length
    expect(rest).toBeGreaterThanOrEqual(5)
    expect(rest).toBeLessThanOrEqual(5 + 4)
    const completed = await counted(() => complete(opened.uploadId))
    expect(completed.body.results[0].status).toBe('stored')
    expect(costs).toEqual([
      { sql: 2, redis: 2 },
      { sql: 2, redis: 2 },
      { sql: 2, redis: 1 },
    ])
  },
)

test('parts that are there already are not copied again', LIMIT, async () => {
  const { content, bob, prove } = await adaAndBob(21 * MIB)
  const opened = await opening(bob.apiKey, content)
  await sendParts(opened, content, [2, 5])
  const { body } = await prove(opened, content.bytes)
  expect(body).toMatchObject({
    copied: [
      [1, 1],
      [3, 4],
    ],
    refused: [],
    left: [],
  })
})

test(
  'what one call had no time for the next one copies, without another proof',
  LIMIT,
  async () => {
    const { content, bob, prove, goOn, complete } = await adaAndBob(21 * MIB)
    const opened = await opening(bob.apiKey, content)
    expect(await goOn(opened.uploadId)).toMatchObject(REFUSED)
    s3.fault = ({ url }) =>
      /partNumber=[24]\b.*UploadPartCopy/.test(url) ? { status: 503, body: '' } : 'pass'
    const first = await prove(opened, content.bytes)
    s3.fault = undefined
    expect(first.body).toMatchObject({
      copied: [
        [1, 1],
        [3, 3],
        [5, 5],
      ],
      refused: [],
      left: [
        [2, 2],
        [4, 4],
      ],
    })

    const stranger = await anAccount()
    expect(await copier(stranger.apiKey).goOn(opened.uploadId)).toMatchObject(REFUSED)
    expect((await goOn(opened.uploadId)).body).toMatchObject({
      copied: [
        [2, 2],
        [4, 4],
      ],
      left: [],
    })
    expect((await goOn(opened.uploadId)).body).toMatchObject({ copied: [], refused: [], left: [] })
    expect((await complete(opened.uploadId)).body.results[0].status).toBe('stored')
  },
)

test('a copy that the store refuses is named, so that it is sent', LIMIT, async () => {
  const { content, bob, prove, complete } = await adaAndBob(21 * MIB)
  const opened = await opening(bob.apiKey, content)
  s3.fault = ({ url }) =>
    /partNumber=4\b.*UploadPartCopy/.test(url) ? { status: 403, body: '' } : 'pass'
  const { body } = await prove(opened, content.bytes)
  s3.fault = undefined
  expect(body).toMatchObject({
    copied: [
      [1, 3],
      [5, 5],
    ],
    refused: [[4, 4]],
  })
  await sendParts(opened, content, [4])
  expect((await complete(opened.uploadId)).body.results[0].status).toBe('stored')
})

test('an object whose copy has not the digest is not taken for copied', LIMIT, async () => {
  const { content, bob, prove, complete } = await adaAndBob(3 * MIB)
  const opened = await opening(bob.apiKey, content)
  s3.fault = ({ url }) =>
    /CopyObject/.test(url) ? { status: 200, body: '<CopyObjectResult/>' } : 'pass'
  const { body } = await prove(opened, content.bytes)
  s3.fault = undefined
  expect(body).toMatchObject({ copied: [], refused: [[1, 1]] })
  await sendParts(opened, content)
  expect((await complete(opened.uploadId)).body.results[0].status).toBe('stored')
})

test('every refusal is the same answer after the same time, whatever is wrong', LIMIT, async () => {
  const { content, bob, ask, abort } = await adaAndBob(2 * MIB)
  const opened = await opening(bob.apiKey, content)
  const { uploadId, challenge } = opened
  const right = answerTo(challenge, content.bytes)
  const old = challengeOf(
    { ...content, id: uploadId, accountId: bob.accountId, checksum: 'sha256' },
    { copyDigest: true },
    new Date(Date.now() - 15 * MINUTE_MS),
  )
  const unknown = await opening(bob.apiKey, await aContent(2 * MIB), { path: 'unknown' })
  const gone = await opening(bob.apiKey, await aContent(2 * MIB), { path: 'gone' })
  await abort(gone.uploadId)
  const [body = '', tag] = challenge.token.split('.')
  const tampered = `${body.slice(0, 20)}${body[20] === 'A' ? 'B' : 'A'}${body.slice(21)}.${tag}`

  const wrong: [string, object][] = [
    [
      'a wrong answer',
      { uploadId, proof: { token: challenge.token, answer: randomBytes(32).toString('base64') } },
    ],
    [
      'an expired token',
      { uploadId, proof: { token: old?.token, answer: old && answerTo(old, content.bytes) } },
    ],
    ['a tampered token', { uploadId, proof: { token: tampered, answer: right } }],
    ['no token of ours', { uploadId, proof: { token: 'made up', answer: right } }],
    [
      'a token of another upload',
      { uploadId, proof: { token: unknown.challenge.token, answer: right } },
    ],
    [
      'a content of nobody',
      { uploadId: unknown.uploadId, proof: { token: unknown.challenge.token, answer: right } },
    ],
    [
      'an upload that was aborted',
      { uploadId: gone.uploadId, proof: { token: gone.challenge.token, answer: right } },
    ],
    [
      'no such upload',
      { uploadId: randomUUID(), proof: { token: challenge.token, answer: right } },
    ],
    ['never proven', { uploadId, proven: true }],
  ]
  const seen = await Promise.all(
    wrong.map(async ([what, asked]) => {
      const begun = performance.now()
      const { status, headers, body } = await ask(asked)
      const ms = performance.now() - begun
      const names = [...headers.keys()].filter((name) => !name.startsWith('ratelimit'))
      return { what, ms, same: JSON.stringify([status, names, { ...body, requestId: '' }]) }
    }),
  )
  for (const { what, ms, same } of seen) {
    expect(same, what).toBe(seen[0]?.same)
    // Not a moment earlier; later only by what a busy machine adds.
    expect(ms, what).toBeGreaterThan(STEP_MS - 20)
  }
  expect(seen[0]?.same).toContain('/errors/proof-refused')
})

test('of two who use the same challenge at once, one is refused', LIMIT, async () => {
  const { content, bob, prove, complete } = await adaAndBob(17 * MIB)
  const opened = await opening(bob.apiKey, content)
  const answers = await Promise.all([1, 2, 3].map(() => prove(opened, content.bytes)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403])
  expect((await complete(opened.uploadId)).body.results[0].status).toBe('stored')
})

test(
  'two devices that prove the same upload at once both succeed, and it is stored and charged once',
  LIMIT,
  async () => {
    const { content, bob, prove, complete } = await adaAndBob(17 * MIB)
    const devices = [await opening(bob.apiKey, content), await opening(bob.apiKey, content)]
    const answers = await Promise.all(devices.map((opened) => prove(opened, content.bytes)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const completed = await complete(devices[0].uploadId)
    expect(completed.body.results[0]).toMatchObject({ status: 'stored', verified: true })
    expect(await usageOf(bob.accountId)).toEqual({ used: content.fileSize, reserved: 0 })
  },
)

test('sending and proving at the same time end in the same file', LIMIT, async () => {
  for (const size of [2 * MIB, 17 * MIB]) {
    const { content, bob, prove, complete } = await adaAndBob(size)
    const opened = await opening(bob.apiKey, content)
    const [sent, proven] = await Promise.all([
      sendParts(opened, content),
      prove(opened, content.bytes),
    ])
    expect(new Set(sent)).toEqual(new Set([200]))
    expect(proven.status).toBe(200)
    expect((await complete(opened.uploadId)).body.results[0]).toMatchObject({ verified: true })
  }
})

test('a proof that races with an abort leaves nothing behind that is charged', LIMIT, async () => {
  const { content, bob, prove, abort } = await adaAndBob(17 * MIB)
  for (let n = 0; n < 3; n++) {
    const opened = await opening(bob.apiKey, content)
    const [, aborted] = await Promise.all([prove(opened, content.bytes), abort(opened.uploadId)])
    expect([200, 202]).toContain(aborted.status)
    await abort(opened.uploadId)
    expect(await usageOf(bob.accountId)).toEqual({ used: 0, reserved: 0 })
  }
})

test.each([
  ['nothing', {}],
  ['no proof', { uploadId: randomUUID() }],
  ['a proof without an answer', { uploadId: randomUUID(), proof: { token: 'x' } }],
  [
    'an answer of another length',
    { uploadId: randomUUID(), proof: { token: 'x', answer: 'AAAA' } },
  ],
  [
    'an answer that is no base64',
    { uploadId: randomUUID(), proof: { token: 'x', answer: '*'.repeat(44) } },
  ],
  [
    'a token that is too long',
    { uploadId: randomUUID(), proof: { token: 'x'.repeat(1001), answer: `${'A'.repeat(43)}=` } },
  ],
  ['proven: false', { uploadId: randomUUID(), proven: false }],
])('%s is no request: 400, at once', async (_, body) => {
  const { apiKey } = await anAccount()
  const begun = performance.now()
  expect(await copier(apiKey).ask(body)).toMatchObject({
    status: 400,
    body: { type: '/errors/invalid-request' },
  })
  expect(performance.now() - begun).toBeLessThan(STEP_MS)
})

test('without a key nobody proves anything: 401', async () => {
  const proof = { token: 'x', answer: `${'A'.repeat(43)}=` }
  expect(await copier('jt_live_nobody').ask({ uploadId: randomUUID(), proof })).toMatchObject({
    status: 401,
  })
})

test('a read that the network breaks is made again: the proof holds', LIMIT, async () => {
  const { content, bob, prove } = await adaAndBob(9 * MIB)
  const opened = await opening(bob.apiKey, content)
  let reads = 0
  s3.fault = ({ method }) => {
    reads += method === 'GET' ? 1 : 0
    if (method !== 'GET' || reads > 6) return 'pass'
    return reads % 2 === 0 ? 'refuse' : { status: 503, body: '' }
  }
  const proven = await prove(opened, content.bytes)
  s3.fault = undefined
  expect(proven.status).toBe(200)
})
