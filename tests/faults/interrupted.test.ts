import { expect, test } from 'vitest'
import { aContent, type TestContent } from '../local/content.ts'
import { throughProxies } from '../local/proxied.ts'
import type { Fault, Passed } from '../local/proxy.ts'

const MIB = 1024 * 1024
const { sql: postgres, s3 } = await throughProxies()
const { anAccount } = await import('../local/account.ts')
const { sendParts, uploader, uploadWhole, usageOf } = await import('../local/uploading.ts')
const { query } = await import('../../lib/db/client.ts')
const { sql } = await import('../../lib/vendor/orm.js')
const { listMultipartUploads } = await import('../../lib/storage/multipart.ts')
const { headObject } = await import('../../lib/storage/objects.ts')
const { sweep } = await import('../../lib/sweep/sweep.ts')

/** Lets `act` fail in one way at its n-th request to Postgres or the store; true when it came that far. */
async function interrupt(n: number, fault: Fault, act: () => Promise<unknown>): Promise<boolean> {
  let requests = 0
  let isReached = false
  let reached: (value: unknown) => void = () => {}
  const interrupted = new Promise((resolve) => {
    reached = resolve
  })
  const decide = () => {
    if (++requests !== n) return isReached && fault === 'hang' ? 'hang' : 'pass'
    isReached = true
    setTimeout(reached, 150)
    return fault
  }
  postgres.fault = decide
  s3.fault = decide
  const acted = act().catch(() => undefined)
  await (fault === 'hang' ? Promise.race([acted, interrupted]) : acted)
  postgres.fault = undefined
  s3.fault = undefined
  return isReached
}

/** What waiting 75 s does: whoever comes next may take a dead completion over. */
async function letClaimsAge(accountId: string) {
  await query(sql`UPDATE uploads SET completing_since = completing_since - interval '80 seconds'
    WHERE account_id = ${accountId} AND state = 'completing'`)
}

async function keyOf(uploadId: string): Promise<string> {
  const [row] = await query(sql`SELECT storage_key FROM uploads WHERE id = ${uploadId}`)
  return String(row?.storage_key)
}

async function finish(apiKey: string, accountId: string, content: TestContent) {
  const { start, complete } = uploader(apiKey)
  await letClaimsAge(accountId)
  const [result] = (await start([content, { path: 'a' }])).body.results
  if (result.status === 'stored')
    return { ...result, files: [{ path: 'a', fileId: result.fileId }] }
  if (result.status === 'open' && result.signed) await sendParts(result, content)
  return (await complete(result.uploadId)).body.results[0]
}

const faults = ['hang', 'lose', 'refuse'] as const
const sizes = [3000, 17 * MIB]

for (const fault of faults) {
  for (const size of sizes) {
    test(`a start of ${size} bytes that ends in "${fault}" at any step is survived by starting again`, {
      timeout: 60_000,
    }, async () => {
      const { apiKey, accountId } = await anAccount()
      for (let n = 1; ; n++) {
        const content = await aContent(size)
        const { start } = uploader(apiKey)
        const { used } = await usageOf(accountId)
        const wasReached = await interrupt(n, fault, () => start([content, { path: 'a' }]))
        const result = await finish(apiKey, accountId, content)
        expect(result).toMatchObject({ status: 'stored', fileHash: content.fileHash })
        expect(await usageOf(accountId)).toEqual({ used: size, reserved: 0 })
        expect(used === 0 || used === size).toBe(true)
        if (!wasReached) break
      }
    })

    test(`a completion of ${size} bytes that ends in "${fault}" at any step is survived by completing again`, {
      timeout: 60_000,
    }, async () => {
      const { apiKey, accountId } = await anAccount()
      for (let n = 1; ; n++) {
        const content = await aContent(size)
        const { start, complete } = uploader(apiKey)
        const [result] = (await start([content, { path: 'a' }])).body.results
        await sendParts(result, content)

        const wasReached = await interrupt(n, fault, () => complete(result.uploadId))
        await letClaimsAge(accountId)
        const answer = (await complete(result.uploadId)).body.results[0]
        expect(answer).toMatchObject({
          status: 'stored',
          fileHash: content.fileHash,
          verified: true,
        })
        expect(await usageOf(accountId)).toEqual({ used: size, reserved: 0 })
        expect(await headObject(await keyOf(result.uploadId))).toMatchObject({ size })
        if (!wasReached) break
      }
    })
  }

  test(`an abort that ends in "${fault}" at any step leaves no bytes and no reservation after the next`, {
    timeout: 60_000,
  }, async () => {
    const { apiKey, accountId } = await anAccount()
    for (let n = 1; ; n++) {
      const content = await aContent(17 * MIB)
      const { start, abort } = uploader(apiKey)
      const [result] = (await start([content, { path: 'a' }])).body.results
      await sendParts(result, content, [1, 2])

      const wasReached = await interrupt(n, fault, () => abort(result.uploadId))
      expect((await abort(result.uploadId)).body.status).toBe('aborted')
      expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
      expect(await listMultipartUploads(await keyOf(result.uploadId))).toEqual([])
      if (!wasReached) break
    }
  })
}

test('a start that died before its S3 side was known leaves no multipart upload behind when it is aborted', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * MIB)
  await interrupt(3, 'hang', () => uploader(apiKey).start([content, { path: 'a' }]))
  const [{ uploadId }] = (await uploader(apiKey).list()).body.uploads
  expect(await listMultipartUploads(await keyOf(uploadId))).toHaveLength(1)

  await uploader(apiKey).abort(uploadId)
  expect(await listMultipartUploads(await keyOf(uploadId))).toEqual([])
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})

test('an object that a dead completion made is gone once its upload is aborted, and so is the reservation', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * MIB)
  const { start, complete, abort } = uploader(apiKey)
  const [result] = (await start([content, { path: 'a' }])).body.results
  await sendParts(result, content)
  await interrupt(4, 'hang', () => complete(result.uploadId))
  const key = await keyOf(result.uploadId)
  expect(await headObject(key)).toMatchObject({ size: content.fileSize })
  expect((await abort(result.uploadId)).status).toBe(409)

  await letClaimsAge(accountId)
  expect((await abort(result.uploadId)).body.status).toBe('aborted')
  expect(await headObject(key)).toBe(null)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})

test('an upload that is aborted while it is being opened gets no URLs, and nothing stays open at the store', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start } = uploader(apiKey)
  s3.fault = async (): Promise<Fault> => {
    await query(sql`UPDATE uploads SET state = 'aborted' WHERE account_id = ${accountId}`)
    return 'pass'
  }
  const answer = await start([await aContent(17 * MIB), { path: 'a' }])
  s3.fault = undefined
  expect(answer).toMatchObject({ status: 409, body: { type: '/errors/upload-closed' } })
  const [row] = await query(sql`SELECT id FROM uploads WHERE account_id = ${accountId}`)
  expect(await listMultipartUploads(await keyOf(String(row?.id)))).toEqual([])
})

const meanwhile = [
  ['aborted', sql`state = 'aborting'`, 'aborting'],
  ['taken over by another call', sql`completing_since = now() + interval '1 second'`, 'completing'],
] as const
for (const [what, change, state] of meanwhile) {
  test(`a slow completion that fails does not open again what was ${what} meanwhile`, async () => {
    const { apiKey } = await anAccount()
    const { start, complete, read } = uploader(apiKey)
    const [{ uploadId }] = (await start([await aContent(3000), { path: 'a' }])).body.results
    s3.fault = async (): Promise<Fault> => {
      await query(sql`UPDATE uploads SET ${change} WHERE id = ${uploadId}`)
      return 'pass'
    }
    expect((await complete(uploadId)).body.results?.[0].status).not.toBe('stored')
    s3.fault = undefined
    expect((await read(uploadId)).body.status).toBe(state)
  })
}

const answers: [string, (passed: Passed) => Fault][] = [
  [
    '200 with an error in it',
    () => ({
      status: 200,
      body: '<Error><Code>InternalError</Code><Message>again</Message></Error>',
    }),
  ],
  [
    'InvalidPart',
    () => ({ status: 400, body: '<Error><Code>InvalidPart</Code><Message>x</Message></Error>' }),
  ],
  [
    'SlowDown',
    () => ({ status: 503, body: '<Error><Code>SlowDown</Code><Message>x</Message></Error>' }),
  ],
  ['success, but the answer is lost, so that the retry finds NoSuchUpload', () => 'lose'],
]
for (const [name, fault] of answers) {
  test(`completion answered with ${name}: the file is whole, or the upload open to complete again`, {
    timeout: 30_000,
  }, async () => {
    const { apiKey, accountId } = await anAccount()
    const content = await aContent(17 * MIB)
    const { start, complete } = uploader(apiKey)
    const [result] = (await start([content, { path: 'a' }])).body.results
    await sendParts(result, content)

    s3.fault = (passed) =>
      passed.method === 'POST' && passed.url.includes('uploadId=') ? fault(passed) : 'pass'
    const first = await complete(result.uploadId)
    s3.fault = undefined
    expect(['stored', undefined]).toContain(first.body.results?.[0].status)
    if (first.status !== 200) expect([409, 503]).toContain(first.status)

    expect((await complete(result.uploadId)).body.results[0]).toMatchObject({
      status: 'stored',
      verified: true,
    })
    expect(await usageOf(accountId)).toEqual({ used: content.fileSize, reserved: 0 })
  })
}

test('an upload that the store lost is made again by the next start', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(17 * MIB)
  const { start, complete } = uploader(apiKey)
  const [lost] = (await start([content, { path: 'a' }])).body.results
  const { abortMultipartUpload } = await import('../../lib/storage/multipart.ts')
  await abortMultipartUpload(
    await keyOf(lost.uploadId),
    String(new URL(lost.signed.url).searchParams.get('uploadId')),
  )

  expect((await complete(lost.uploadId)).body).toMatchObject({
    type: '/errors/parts-missing',
    missingParts: [[1, 4]],
  })
  const [again] = (await start([content, { path: 'a' }])).body.results
  expect(again).toMatchObject({ uploadId: lost.uploadId, storedParts: [] })
  await sendParts(again, content)
  expect((await complete(lost.uploadId)).body.results[0].status).toBe('stored')
})

test('a PUT that comes late to an aborted file of one part is removed, and the quota released once, when its URL has died', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(3000)
  const { start, abort } = uploader(apiKey)
  const [result] = (await start([content, { path: 'a' }])).body.results
  await abort(result.uploadId)
  expect(await sendParts(result, content)).toEqual([200])
  await sweep()
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 3000 })

  await query(
    sql`UPDATE uploads SET urls_expire_at = now() - interval '1 second' WHERE id = ${result.uploadId}`,
  )
  await Promise.all([sweep(), abort(result.uploadId), sweep()])
  expect(await headObject(await keyOf(result.uploadId))).toBe(null)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})

test('the sweep expires an upload without a sign of life and finishes one whose completion died', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, complete } = uploader(apiKey)
  const [forgotten, finished] = await Promise.all([aContent(17 * MIB), aContent(18 * MIB)])
  const [old] = (await start([forgotten, { path: 'old' }])).body.results
  const [dead] = (await start([finished, { path: 'dead' }])).body.results
  await sendParts(dead, finished)
  await interrupt(3, 'hang', () => complete(dead.uploadId))
  await letClaimsAge(accountId)
  await query(
    sql`UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = ${old.uploadId}`,
  )

  await sweep()
  expect((await uploader(apiKey).read(old.uploadId)).body.status).toBe('aborted')
  expect((await uploader(apiKey).read(dead.uploadId)).body.status).toBe('done')
  expect(await usageOf(accountId)).toEqual({ used: finished.fileSize, reserved: 0 })
})

test('a full quota first takes back what ended uploads cannot use any more', async () => {
  const { apiKey, accountId } = await anAccount({ bytesLeft: 5000 })
  const { start, abort } = uploader(apiKey)
  const [ended] = (await start([await aContent(4000), { path: 'a' }])).body.results
  await abort(ended.uploadId)
  expect((await start([await aContent(4000), { path: 'b' }])).status).toBe(403)

  await query(
    sql`UPDATE uploads SET urls_expire_at = now() - interval '1 second' WHERE id = ${ended.uploadId}`,
  )
  expect((await start([await aContent(4000), { path: 'b' }])).body.results[0].status).toBe('open')
  expect((await usageOf(accountId)).reserved).toBe(4000)
})

test('what was placed while the quota was full is not asked for again once there is room', async () => {
  const { apiKey } = await anAccount({ bytesLeft: 10_000 })
  const { start, abort } = uploader(apiKey)
  const stored = await aContent(1000)
  await uploadWhole(apiKey, stored, 'stored')
  const [ended] = (await start([await aContent(6000), { path: 'ended' }])).body.results
  await abort(ended.uploadId)
  await query(
    sql`UPDATE uploads SET urls_expire_at = now() - interval '1 second' WHERE id = ${ended.uploadId}`,
  )
  const { body } = await start(
    [stored, { path: 'clone', ifNew: true }],
    [await aContent(7000), { path: 'large' }],
    [await aContent(7000), { path: 'too much' }],
  )
  expect(body.results).toMatchObject([
    { path: 'clone', status: 'stored' },
    { path: 'large', status: 'open' },
    { path: 'too much', problem: { type: '/errors/quota-exceeded' } },
  ])
})

test('one upload that the store refuses to judge fails alone and stays open; the others of the call are completed', async () => {
  const { apiKey } = await anAccount()
  const { start, complete, read } = uploader(apiKey)
  const contents = await Promise.all([aContent(10), aContent(20)])
  const results = []
  for (const [n, content] of contents.entries()) {
    const [result] = (await start([content, { path: `${n}` }])).body.results
    await sendParts(result, content)
    results.push(result)
  }
  const [bad, good] = results
  const key = await keyOf(bad.uploadId)
  s3.fault = ({ url }) => (url.includes(key) ? { status: 403, body: '' } : 'pass')
  const { body } = await complete(bad.uploadId, good.uploadId)
  s3.fault = undefined

  expect(body.results[0].problem.type).toBe('/errors/internal')
  expect(body.results[1].status).toBe('stored')
  expect((await read(bad.uploadId)).body.status).toBe('open')
})

test('an upload that cannot be released does not keep the sweep from the others', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, abort } = uploader(apiKey)
  const ids: string[] = []
  for (const path of ['a', 'b', 'c']) {
    const [{ uploadId }] = (await start([await aContent(100), { path }])).body.results
    await abort(uploadId)
    ids.push(uploadId)
  }
  await query(
    sql`UPDATE uploads SET urls_expire_at = now() - interval '1 second' WHERE account_id = ${accountId}`,
  )
  const key = await keyOf(ids[0] ?? '')
  s3.fault = ({ url }) => (url.includes(key) ? { status: 403, body: '' } : 'pass')
  await sweep()
  s3.fault = undefined
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 100 })
  await sweep()
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})

test('a store that takes too long is not waited for: the answer is completing, and the next call finds the file', async () => {
  const { completeUploads, deadlinesFrom } = await import('../../lib/uploads/complete.ts')
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * MIB)
  const { start, read } = uploader(apiKey)
  const [{ uploadId, ...result }] = (await start([content, { path: 'a' }])).body.results
  await sendParts(result, content)

  s3.fault = ({ method }) => (method === 'POST' ? 'hang' : 'pass')
  const deadlines = { ...deadlinesFrom(Date.now()), answerBefore: Date.now() + 300 }
  const [late] = await completeUploads(accountId, [uploadId], deadlines)
  s3.fault = undefined
  expect(late).toMatchObject({ status: 'completing' })
  expect((await read(uploadId)).body.status).toBe('completing')

  await letClaimsAge(accountId)
  expect((await completeUploads(accountId, [uploadId]))[0]).toMatchObject({ status: 'stored' })
  expect(await usageOf(accountId)).toEqual({ used: content.fileSize, reserved: 0 })
})
