import { expect, test } from 'vitest'
import { aContent, type TestContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'

const MIB = 1024 * 1024
const proxies = await throughProxies()
const { POST } = await import('../../../api/jetty/check-duplicate.ts')
const files = await import('../../../api/storage/files.ts')
const { query } = await import('../../../lib/db/client.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { anAccount } = await import('../../local/account.ts')
const { uploader, uploadWhole, usageOf } = await import('../../local/uploading.ts')

const PATH = '/api/jetty/check-duplicate'
const check = (as: string, body: unknown) => call(POST, 'POST', PATH, { as, body })
const idOf = ({ fileHash, fileSize }: TestContent) => ({ fileHash, fileSize })
const many = (as: string, ...wanted: object[]) => check(as, { files: wanted })

async function filesOf(apiKey: string) {
  return (await call(files.GET, 'GET', '/api/storage/files', { as: apiKey })).body.files
}

async function del(as: string, fileId: string, permanent: boolean) {
  const search = `fileId=${fileId}&permanent=${permanent}`
  await call(files.DELETE, 'DELETE', `/api/storage/files?${search}`, { as })
}

async function savedBy(accountId: string) {
  return await query(sql`
    SELECT file_hash, path, saved_bytes::int FROM user_file_references WHERE account_id = ${accountId} ORDER BY path`)
}

/** An account that stores one content at `a.txt`. */
async function aHolder(fileSize = 1000, options = {}) {
  const account = await anAccount(options)
  const content = await aContent(fileSize)
  const fileId = await uploadWhole(account.apiKey, content, 'docs/a.txt')
  return { ...account, content, fileId }
}

test('a content that the account stores answers the file that has it, and what need not be sent', async () => {
  const { apiKey, content, fileId } = await aHolder()
  const { status, body } = await check(apiKey, idOf(content))
  expect(status).toBe(200)
  expect(body).toEqual({
    isDuplicate: true,
    file: {
      fileId,
      url: `/api/storage/download?fileId=${fileId}`,
      fileName: 'a.txt',
      fileSize: 1000,
      mimeType: 'application/octet-stream',
      uploadCount: 1,
      firstUploadedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    },
    savings: { bytes: 1000, cost: 0 },
    message: 'This content is stored already: 1000 bytes need not be sent.',
  })
})

test('a content that nobody stores is a miss, and so is one under another size', async () => {
  const { apiKey, content } = await aHolder()
  const miss = { isDuplicate: false, message: 'This content is not stored yet.' }
  expect((await check(apiKey, idOf(await aContent(10)))).body).toEqual(miss)
  expect((await check(apiKey, { ...idOf(content), fileSize: 999 })).body).toEqual(miss)
})

test('the name that a caller gives is told back, and nothing is made of it', async () => {
  const { apiKey, accountId, content } = await aHolder()
  const usage = await usageOf(accountId)
  const { body } = await check(apiKey, { ...idOf(content), fileName: 'b.txt', userId: 'me' })
  expect(body.message).toMatch(/^b\.txt is stored already/)
  expect(body.file.fileName).toBe('a.txt')
  expect((await filesOf(apiKey)).length).toBe(1)
  expect(await usageOf(accountId)).toEqual(usage)
  expect(await savedBy(accountId)).toEqual([])
})

test('with a path a hit becomes a file there: no bytes, charged at its size, of the type it had, and noted as saved', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(3000)
  const first = await uploadWhole(apiKey, content, 'a.mp4')
  await query(sql`UPDATE agentcache_assets SET content_type = 'video/mp4' WHERE id = ${first}`)

  const { body } = await check(apiKey, { ...idOf(content), path: 'copies/b.mp4' })
  expect(body.file).toMatchObject({
    fileName: 'b.mp4',
    mimeType: 'video/mp4',
    uploadCount: 2,
    url: `/api/storage/download?fileId=${body.file.fileId}`,
  })
  expect(body.file.fileId).not.toBe(first)
  expect(body.message).toContain('now also at copies/b.mp4')
  expect((await filesOf(apiKey)).map((file: { path: string }) => file.path)).toEqual([
    'a.mp4',
    'copies/b.mp4',
  ])
  expect(await usageOf(accountId)).toEqual({ used: 6000, reserved: 0 })
  const saved = { file_hash: content.fileHash, path: 'copies/b.mp4', saved_bytes: 3000 }
  expect(await savedBy(accountId)).toEqual([saved])
})

test('a clone replaces what has its path, and asking again changes nothing more', async () => {
  const { apiKey, accountId, content } = await aHolder(1000)
  const old = await uploadWhole(apiKey, await aContent(400), 'b')
  const wanted = { ...idOf(content), path: 'b' }
  expect((await check(apiKey, wanted)).body.file.fileId).toBe(old)
  expect((await check(apiKey, wanted)).body.file).toMatchObject({ fileId: old, uploadCount: 2 })
  expect(await usageOf(accountId)).toEqual({ used: 2000, reserved: 0 })
})

test('ifNew keeps what has the path: 409', async () => {
  const { apiKey, accountId, content } = await aHolder(1000)
  const taken = await uploadWhole(apiKey, await aContent(400), 'b')
  const { status, body } = await check(apiKey, { ...idOf(content), path: 'b', ifNew: true })
  expect({ status, type: body.type, fileId: body.fileId }).toEqual({
    status: 409,
    type: '/errors/path-taken',
    fileId: taken,
  })
  expect(await usageOf(accountId)).toEqual({ used: 1400, reserved: 0 })
  expect(await savedBy(accountId)).toEqual([])
})

test('a clone that does not fit the quota is refused: 403', async () => {
  const { apiKey, accountId, content } = await aHolder(1000, { bytesLeft: 1500 })
  const { status, body } = await check(apiKey, { ...idOf(content), path: 'b' })
  expect(status).toBe(403)
  expect(body).toMatchObject({ type: '/errors/quota-exceeded', quota: { neededBytes: 1000 } })
  expect((await check(apiKey, idOf(content))).body.isDuplicate).toBe(true)
  expect(await savedBy(accountId)).toEqual([])
})

test('on a tier without storage nothing is cloned, and the way out is told', async () => {
  const { apiKey, accountId, content } = await aHolder(1000)
  await query(sql`UPDATE agentcache_accounts SET agentcache_tier = 'free' WHERE id = ${accountId}`)
  const { status, body } = await check(apiKey, { ...idOf(content), path: 'b' })
  expect(status).toBe(403)
  expect(body.detail).toContain('a higher tier does')
  expect((await check(apiKey, { ...idOf(await aContent(10)), path: 'b' })).status).toBe(200)
})

test('a miss with a path opens nothing and reserves nothing, whatever has the path', async () => {
  const { apiKey, accountId } = await aHolder(1000, { bytesLeft: 5000 })
  const usage = await usageOf(accountId)
  for (const fileSize of [10, 10_000]) {
    const wanted = { ...idOf(await aContent(fileSize)), path: 'docs/a.txt', ifNew: true }
    expect((await check(apiKey, wanted)).body).toMatchObject({ isDuplicate: false })
  }
  expect(await usageOf(accountId)).toEqual(usage)
  const rows = await query(
    sql`SELECT 1 FROM uploads WHERE account_id = ${accountId} AND state <> 'done'`,
  )
  expect(rows).toEqual([])
})

test('a content that is only being uploaded is a miss, and its upload stays as it is', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(500)
  const { start } = uploader(apiKey)
  const before = (await start([content, { path: 'a' }])).body.results[0]
  for (const path of ['a', 'b']) {
    const { body } = await check(apiKey, { ...idOf(content), path })
    expect(body).toEqual({ isDuplicate: false, message: 'This content is not stored yet.' })
  }
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 500 })
  const [row] = await query(sql`
    SELECT u.expires_at, (SELECT count(*)::int FROM upload_targets WHERE upload_id = u.id) AS targets
    FROM uploads u WHERE id = ${before.uploadId}`)
  expect(row?.targets).toBe(1)
  expect(new Date(String(row?.expires_at)).toISOString()).toBe(before.expiresAt)
})

test('the trash is told and gives no address; bytes without a file give no file; a path brings either back', async () => {
  const { apiKey, content, fileId } = await aHolder()
  await del(apiKey, fileId, false)
  const trashed = (await check(apiKey, idOf(content))).body
  expect(trashed.file).toMatchObject({ fileId, url: null, uploadCount: 1 })
  expect(trashed.message).toContain('in the trash')

  await del(apiKey, fileId, true)
  const gone = (await check(apiKey, idOf(content))).body
  expect(gone).toMatchObject({ isDuplicate: true, file: null, savings: { bytes: 1000 } })

  const back = (await check(apiKey, { ...idOf(content), path: 'back' })).body
  expect(back.file).toMatchObject({ fileName: 'back', uploadCount: 1 })
  expect(back.file.url).toBe(`/api/storage/download?fileId=${back.file.fileId}`)
})

test('a blob that the sweeper is deleting is a miss', async () => {
  const { apiKey, accountId, content } = await aHolder()
  await query(sql`UPDATE file_hashes SET state = 'deleting' WHERE account_id = ${accountId}`)
  expect((await check(apiKey, idOf(content))).body.isDuplicate).toBe(false)
  expect((await check(apiKey, { ...idOf(content), path: 'b' })).body.isDuplicate).toBe(false)
})

test('of a batch each answers for itself, in the order asked, and quota goes to the first that fit', async () => {
  const { apiKey, accountId, content } = await aHolder(1000, { bytesLeft: 3500 })
  const [known, unknown] = [idOf(content), idOf(await aContent(10))]
  const { status, body } = await many(
    apiKey,
    known,
    unknown,
    { ...known, path: 'b' },
    { ...known, path: '../c' },
    { ...known, path: 'b' },
    { ...known, fileSize: 20 * MIB },
    { ...known, path: 'docs/a.txt', ifNew: true },
    { ...known, path: 'd' },
    { ...known, path: 'e' },
    { ...unknown, path: 'f', fileName: 'f' },
  )
  expect(status).toBe(200)
  expect(body.serverTime).toMatch(/Z$/)
  const told = body.results.map((one: { problem?: { type: string }; isDuplicate?: boolean }) =>
    one.problem ? one.problem.type.slice('/errors/'.length) : one.isDuplicate,
  )
  expect(told).toEqual([
    true,
    false,
    true,
    'invalid-request',
    'invalid-request',
    'content-mismatch',
    'path-taken',
    true,
    'quota-exceeded',
    false,
  ])
  expect(body.results[0].file).toMatchObject({ uploadCount: 3 })
  expect(body.results[9].message).toBe('f is not stored yet.')
  expect((await filesOf(apiKey)).length).toBe(3)
  expect((await savedBy(accountId)).map(({ path }) => path)).toEqual(['b', 'd'])
})

test('a batch of one that is refused is that refusal', async () => {
  const { apiKey, content } = await aHolder()
  const taken = { ...idOf(content), path: 'docs/a.txt', ifNew: true }
  expect((await many(apiKey, taken)).status).toBe(409)
  expect((await many(apiKey, { ...idOf(content), fileSize: 20 * MIB })).status).toBe(422)
})

test('a size that the content id cannot have is 422 and says why', async () => {
  const { apiKey } = await anAccount()
  const fileHash = `sha256:${'0'.repeat(64)}`
  for (const wanted of [
    { fileHash, fileSize: 17 * MIB },
    { fileHash: `${fileHash}-4`, fileSize: 1 },
    { fileHash: `${fileHash}-5`, fileSize: 17 * MIB },
  ]) {
    const { status, body } = await check(apiKey, wanted)
    expect(status).toBe(422)
    expect(body).toMatchObject({
      type: '/errors/content-mismatch',
      errors: [{ pointer: '/fileHash' }],
    })
  }
  expect((await check(apiKey, { fileHash: `${fileHash}-4`, fileSize: 17 * MIB })).status).toBe(200)
})

test.each([
  ['no JSON', '{'],
  ['a list', []],
  ['nothing', {}],
  ['no size', { fileHash: `sha256:${'0'.repeat(64)}` }],
  ['bare hex', { fileHash: '0'.repeat(64), fileSize: 1 }],
  ['a negative size', { fileHash: `sha256:${'0'.repeat(64)}`, fileSize: -1 }],
  ['a bad path', { fileHash: `sha256:${'0'.repeat(64)}`, fileSize: 1, path: '/a' }],
  ['an empty batch', { files: [] }],
  ['1,001 files', { files: Array.from({ length: 1001 }, () => ({})) }],
  ['files that are no list', { files: {} }],
])('%s is 400', async (_what, body) => {
  const { apiKey } = await anAccount()
  const answer = await check(apiKey, body)
  expect(answer.status).toBe(400)
  expect(answer.body.type).toBe('/errors/invalid-request')
})

test('without a key that is known nobody is answered; a suspended account is 403', async () => {
  const { apiKey, accountId, content } = await aHolder()
  expect((await call(POST, 'POST', PATH, { body: idOf(content) })).status).toBe(401)
  expect((await check('whatever', idOf(content))).status).toBe(401)
  const other = await anAccount()
  await query(
    sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE id = ${other.accountId}`,
  )
  expect((await check(other.apiKey, idOf(content))).status).toBe(403)
  expect((await check(apiKey, idOf(content))).status).toBe(200)
  expect(accountId).not.toBe(other.accountId)
})

async function cost(act: () => Promise<unknown>) {
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0
  await act()
  return Object.fromEntries(
    Object.entries(proxies).map(([name, { passed }]) => [name, passed.length]),
  )
}

test('content of others and content of nobody: the same answer for the same round trips', async () => {
  const { content } = await aHolder()
  const { apiKey } = await anAccount()
  await check(apiKey, idOf(content))
  const nobody = await aContent(1000)
  for (const place of [{}, { path: 'mine' }, { path: 'mine', ifNew: true }]) {
    const bodies: unknown[] = []
    const costs: unknown[] = []
    for (const one of [content, nobody]) {
      const ask = async () => bodies.push(await check(apiKey, { ...idOf(one), ...place }))
      costs.push(await cost(ask))
    }
    const [ofOthers, ofNobody] = bodies.map((answer) => JSON.stringify(answer))
    expect(ofOthers).toBe(ofNobody)
    expect(costs).toEqual([
      { redis: 1, sql: 1, s3: 0 },
      { redis: 1, sql: 1, s3: 0 },
    ])
  }
})

test('1 or 1,000 contents cost one Redis and one SQL, with and without paths', async () => {
  const { apiKey, content } = await aHolder(10)
  await check(apiKey, idOf(content))
  const thousand = Array.from({ length: 1000 }, (_, n) => ({ n }))
  const one = { redis: 1, sql: 1, s3: 0 }
  expect(await cost(() => many(apiKey, ...thousand.map(() => idOf(content))))).toEqual(one)
  let answer: Awaited<ReturnType<typeof many>> | undefined
  const wanted = thousand.map(({ n }) => ({ ...idOf(content), path: `clones/${n}` }))
  expect(
    await cost(async () => {
      answer = await many(apiKey, ...wanted)
    }),
  ).toEqual(one)
  expect(answer?.body.results.every((result: { file?: object }) => result.file)).toBe(true)
  expect(answer?.body.results[0].file.uploadCount).toBe(1001)
})

test('ten clones onto one path at once are one file, charged once', async () => {
  const { apiKey, accountId, content } = await aHolder(1000)
  const wanted = { ...idOf(content), path: 'b' }
  const answers = await Promise.all(Array.from({ length: 10 }, () => check(apiKey, wanted)))
  expect(new Set(answers.map(({ body }) => body.file.fileId)).size).toBe(1)
  expect(await usageOf(accountId)).toEqual({ used: 2000, reserved: 0 })
})

test('of two clones that fit alone but not together, one is refused', async () => {
  const { apiKey, content } = await aHolder(1000, { bytesLeft: 2900 })
  const answers = await Promise.all(
    ['b', 'c'].map((path) => check(apiKey, { ...idOf(content), path })),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 403])
})
