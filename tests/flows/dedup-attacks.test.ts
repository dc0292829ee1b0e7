import '../local/global-scope.ts'
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { aContent, contentOfBytes, type TestContent } from '../local/content.ts'
import { throughProxies } from '../local/proxied.ts'
import type { Answer } from '../local/request.ts'

const MIB = 1024 * 1024
const LIMIT = { timeout: 60_000 }

const proxies = await throughProxies()
const { query } = await import('../../lib/db/client.ts')
const { putObject } = await import('../../lib/storage/objects.ts')
const { sql } = await import('../../lib/vendor/orm.js')
const { anAccount } = await import('../local/account.ts')
const { answerTo, copier, opening } = await import('../local/proving.ts')
const { sendPart, uploader, uploadWhole, usageOf } = await import('../local/uploading.ts')

const REFUSED = { status: 403, body: { type: '/errors/proof-refused' } }

/** Ada stores a content; Mallory would like to have it, or to know. */
async function adaAndMallory(content: TestContent) {
  const [ada, mallory] = [await anAccount(), await anAccount()]
  await uploadWhole(ada.apiKey, content, 'private/a')
  return { ada, mallory, ...uploader(mallory.apiKey), ...copier(mallory.apiKey) }
}

/** What Mallory says who knows no better. */
const guess = () => randomBytes(32).toString('base64')

/** The rows of `file_hashes` of an account. */
async function blobOf(accountId: string) {
  const [row] = await query(
    sql`SELECT id, storage_key, etag FROM file_hashes WHERE account_id = ${accountId}`,
  )
  return { id: String(row?.id), key: String(row?.storage_key) }
}

test(
  'hash as capability: who knows every digest of a file, and not its bytes, gets nothing of it',
  LIMIT,
  async () => {
    const content = await aContent(17 * MIB)
    const { mallory, ask, complete } = await adaAndMallory(content)
    const opened = await opening(mallory.apiKey, content)
    expect(opened).toMatchObject({ status: 'open', storedParts: [] })

    const { uploadId, challenge } = opened
    const nonce = Buffer.from(challenge.nonce, 'base64')
    const known = [
      Buffer.from(content.fileHash.slice(7, 71), 'hex'),
      Buffer.concat(content.partHashes.map((hash) => Buffer.from(hash, 'base64'))),
    ]
    for (const digests of known) {
      const again = await opening(mallory.apiKey, content)
      const answer = createHmac('sha256', nonce).update(digests).digest('base64')
      const proof = { token: again.challenge.token, answer }
      expect(await ask({ uploadId, proof })).toMatchObject(REFUSED)
    }
    expect(await ask({ uploadId, proven: true })).toMatchObject(REFUSED)
    expect((await complete(uploadId)).body).toMatchObject({
      type: '/errors/parts-missing',
      missingParts: [[1, 4]],
    })
  },
)

/** What of an answer is the caller's own, new each time, or how edges stand just now. */
const OWN =
  /^(requestId|uploadId|fileHash|url|token|nonce|expiresAt|serverTime|grant|edges|direct|\d+)$/

function masked({ status, body, headers }: Answer) {
  const text = JSON.stringify(body, (name, value) => (OWN.test(name) ? typeof value : value))
  const own = ['x-request-id', 'ratelimit', 'ratelimit-policy']
  const rest = [...headers].filter(([name]) => !own.includes(name))
  return { status, text: text.replace(/"ranges":\[[^a-z]*\]/, '"ranges"'), headers: rest }
}

async function costOf(act: () => Promise<Answer>) {
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0
  const answer = await act()
  const { sql: statements, redis, s3 } = proxies
  const trips = { sql: statements.passed.length, redis: redis.passed.length }
  return { ...masked(answer), ...trips, s3: s3.passed.length, answer }
}

test.each([
  ['of one part', 2 * MIB],
  ['of several parts', 17 * MIB],
])(
  'existence oracle: starts and wrong proofs %s answer, cost and charge the same, whether somebody has the content or nobody',
  LIMIT,
  async (_, size) => {
    const known = await aContent(size)
    const { mallory, start, ask, abort } = await adaAndMallory(known)
    const seen: unknown[] = []
    // The first round lets the process find the store's decoy, and the account into the cache.
    for (const content of [await aContent(size), known, await aContent(size)]) {
      const before = await usageOf(mallory.accountId)
      const started = await costOf(() => start([content, { path: 'guess' }]))
      const { uploadId, challenge } = started.answer.body.results[0]
      const proof = { token: challenge.token, answer: guess() }
      const refused = await costOf(() => ask({ uploadId, proof }))
      const { used, reserved } = await usageOf(mallory.accountId)
      const shape = {
        token: challenge.token.length,
        ranges: challenge.ranges.length,
        charged: [used - before.used, reserved - before.reserved],
      }
      // A read whose kept connection the store has just closed is made again.
      const again = refused.s3 - shape.ranges
      const reads = again === 1 || again === 2 ? shape.ranges : refused.s3
      const { answer: _start, ...ofStart } = started
      const { answer: _proof, ...ofProof } = { ...refused, s3: reads }
      seen.push([ofStart, ofProof, shape])
      await abort(uploadId)
    }
    const [, ofSomebody, ofNobody] = seen
    expect(ofSomebody).toEqual(ofNobody)
    expect(ofSomebody).toMatchObject([{ status: 200 }, { status: 403, sql: 1, redis: 1 }, {}])
  },
)

test(
  'covert channel: without a proof nothing passes between two accounts, with proofs at most 60 bits an hour',
  LIMIT,
  async () => {
    const content = await aContent(2 * MIB)
    const { mallory, prove, ask } = await adaAndMallory(content)
    const { accountId } = mallory
    const use = (count: number, ago: string) =>
      query(sql`INSERT INTO possession_proofs (account_id, nonce, created_at)
      SELECT ${accountId}, decode(md5(random()::text), 'hex'), now() - ${ago}::interval FROM generate_series(1, ${count})`)

    await use(60, '1 hour 1 second')
    await use(58, '59 minutes')
    const { uploadId, challenge } = await opening(mallory.apiKey, content)
    const wrong = { uploadId, proof: { token: challenge.token, answer: guess() } }
    expect(await ask(wrong)).toMatchObject(REFUSED)
    expect(await prove(await opening(mallory.apiKey, content), content.bytes)).toMatchObject({
      status: 200,
    })
    expect(await prove(await opening(mallory.apiKey, content), content.bytes)).toMatchObject(
      REFUSED,
    )
  },
)

test(
  'poisoning: bytes declared as another content become nothing, and never a source',
  LIMIT,
  async () => {
    const wanted = await aContent(2 * MIB)
    const garbage = randomBytes(wanted.fileSize)
    const [mallory, victim] = [await anAccount(), await anAccount()]
    const opened = await opening(mallory.apiKey, wanted)
    expect((await sendPart(opened, { ...wanted, bytes: garbage }, 1)).status).toBe(400)
    const completed = await uploader(mallory.apiKey).complete(opened.uploadId)
    expect(completed.body.type).toBe('/errors/parts-missing')

    const asked = await opening(victim.apiKey, wanted)
    expect(await copier(victim.apiKey).prove(asked, wanted.bytes)).toMatchObject(REFUSED)
    expect(await copier(victim.apiKey).prove(asked, garbage)).toMatchObject(REFUSED)
  },
)

test(
  'target collision: what the store has not verified is no source for others',
  LIMIT,
  async () => {
    const content = await aContent(2 * MIB)
    const { ada, mallory, prove } = await adaAndMallory(content)
    const verified = (is: boolean) =>
      query(sql`UPDATE file_hashes SET verified = ${is} WHERE account_id = ${ada.accountId}`)

    // As a file stored in md5 mode is.
    await verified(false)
    expect(await prove(await opening(mallory.apiKey, content), content.bytes)).toMatchObject(
      REFUSED,
    )
    const clone = await opening(ada.apiKey, content, { path: 'again' })
    expect(clone).toMatchObject({ status: 'stored', verified: false })
    await verified(true)
    expect((await prove(await opening(mallory.apiKey, content), content.bytes)).status).toBe(200)
  },
)

test(
  'target collision: an object that was replaced behind our back is copied to nobody',
  LIMIT,
  async () => {
    const content = await aContent(2 * MIB)
    const { ada, mallory, prove } = await adaAndMallory(content)
    const garbage = randomBytes(content.fileSize)
    await putObject((await blobOf(ada.accountId)).key, garbage)
    for (const bytes of [content.bytes, garbage]) {
      const opened = await opening(mallory.apiKey, content)
      expect(await prove(opened, bytes)).toMatchObject(REFUSED)
      expect((await opening(mallory.apiKey, content)).storedParts).toEqual([])
    }
  },
)

/** A form of so many bytes with one field that is secret. */
function payslip(bytes: number, salary: string): Buffer {
  const form = Buffer.alloc(bytes, 'Payslip of Ada Lovelace. ')
  form.write(salary, Math.floor(bytes / 2))
  return form
}

test(
  'low-entropy template guess: a form of up to 1 MiB is never challenged for, so no guess at it is answered',
  LIMIT,
  async () => {
    const content = await contentOfBytes(payslip(MIB, randomBytes(8).toString('hex')))
    const { mallory, ask } = await adaAndMallory(content)
    const { uploadId, challenge } = await opening(mallory.apiKey, content)
    expect(challenge).toBeNull()

    const larger = await opening(mallory.apiKey, await aContent(2 * MIB), { path: 'other' })
    const proof = {
      token: larger.challenge.token,
      answer: answerTo(larger.challenge, content.bytes),
    }
    expect(await ask({ uploadId, proof })).toMatchObject(REFUSED)
  },
)

test(
  'low-entropy template guess: who has all but the secret field of a larger form, and its hash, cannot prove it',
  LIMIT,
  async () => {
    const salary = randomBytes(8).toString('hex')
    const content = await contentOfBytes(payslip(7 * MIB, salary))
    const { mallory, prove } = await adaAndMallory(content)
    const template = payslip(7 * MIB, '????????????????')
    expect(await prove(await opening(mallory.apiKey, content), template)).toMatchObject(REFUSED)
  },
)

test('chunk-list leak: no answer holds anything of whom the bytes come from', LIMIT, async () => {
  const content = await aContent(17 * MIB)
  const { ada, mallory, prove, read, list, complete } = await adaAndMallory(content)
  const opened = await opening(mallory.apiKey, content)
  const { uploadId } = opened
  const proven = await prove(opened, content.bytes)
  expect(Object.keys(proven.body).sort()).toEqual(['copied', 'left', 'refused', 'uploadId'])

  const answers = [proven, await read(uploadId), await list(), await complete(uploadId)]
  const told = JSON.stringify([opened, ...answers.map(({ body, headers }) => [body, [...headers]])])
  const { id, key } = await blobOf(ada.accountId)
  for (const secret of [id, key, ada.accountId, ada.userId, 'private/a'])
    expect(told).not.toContain(secret)
})

test(
  'static proof replay: an answer is good once, for its own challenge, upload and account',
  LIMIT,
  async () => {
    const content = await aContent(2 * MIB)
    const { mallory, ask } = await adaAndMallory(content)
    const eve = await anAccount()
    const recorded = await opening(mallory.apiKey, content)
    const answer = answerTo(recorded.challenge, content.bytes)
    const proof = { token: recorded.challenge.token, answer }

    const ofEve = await opening(eve.apiKey, content)
    const other = await opening(mallory.apiKey, await aContent(2 * MIB), { path: 'other' })
    const next = await opening(mallory.apiKey, content)
    const replays = await Promise.all([
      copier(eve.apiKey).ask({ uploadId: ofEve.uploadId, proof }),
      copier(eve.apiKey).ask({ uploadId: recorded.uploadId, proof }),
      copier(eve.apiKey).ask({
        uploadId: ofEve.uploadId,
        proof: { token: ofEve.challenge.token, answer },
      }),
      ask({ uploadId: other.uploadId, proof }),
      ask({ uploadId: next.uploadId, proof: { token: next.challenge.token, answer } }),
    ])
    for (const replay of replays) expect(replay).toMatchObject(REFUSED)

    expect((await ask({ uploadId: recorded.uploadId, proof })).status).toBe(200)
    expect(await ask({ uploadId: recorded.uploadId, proof })).toMatchObject(REFUSED)
  },
)

test(
  'asking for challenges until one can be answered: today they all name the same bytes',
  LIMIT,
  async () => {
    const content = await aContent(17 * MIB)
    const { mallory, abort } = await adaAndMallory(content)
    const first = await opening(mallory.apiKey, content)
    const again = await opening(mallory.apiKey, content)
    await abort(first.uploadId)
    const anew = await opening(mallory.apiKey, content)
    expect(anew.uploadId).not.toBe(first.uploadId)
    const { token, nonce, ranges } = first.challenge
    // At midnight they change.
    const all = [again, anew].map(({ challenge }) => challenge)
    if (
      new Set([first, again, anew].map(({ challenge }) => challenge.expiresAt.slice(0, 10))).size >
      1
    )
      return
    for (const one of all) {
      expect(one.ranges).toEqual(ranges)
      expect(one.nonce).not.toBe(nonce)
      expect(one.token).not.toBe(token)
    }
  },
)

test(
  'convergent encryption as a cure: who knows the key, which is the hash of the plain file, still gets nothing',
  LIMIT,
  async () => {
    const plain = randomBytes(2 * MIB)
    const key = createHash('sha256').update(plain).digest()
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
    const content = await contentOfBytes(Buffer.concat([cipher.update(plain), cipher.final()]))
    const { mallory, ask } = await adaAndMallory(content)
    const { uploadId, challenge } = await opening(mallory.apiKey, content)
    const nonce = Buffer.from(challenge.nonce, 'base64')
    const answer = createHmac('sha256', nonce).update(key).digest('base64')
    const proof = { token: challenge.token, answer }
    expect(await ask({ uploadId, proof })).toMatchObject(REFUSED)
  },
)
