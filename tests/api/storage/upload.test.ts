import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { DELETE } from '../../../api/storage/files.ts'
import { PATCH, POST, PUT } from '../../../api/storage/upload.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent, contentOfBytes } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { sendParts, startOf, uploader, uploadWhole, usageOf } from '../../local/uploading.ts'

const MIB = 1024 * 1024
const PATH = '/api/storage/upload'

test('a file of several parts goes up by presigned URLs and becomes a file', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(21 * MIB)
  const { start, complete } = uploader(apiKey)

  const started = await start([content, { path: 'videos/a.mp4' }])
  expect(started.status).toBe(200)
  const [result] = started.body.results
  expect(result).toMatchObject({
    path: 'videos/a.mp4',
    status: 'open',
    partSize: 5 * MIB,
    partCount: 5,
    checksum: 'sha256',
    storedParts: [],
  })
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: content.fileSize })
  expect(await sendParts(result, content)).toEqual([200, 200, 200, 200, 200])

  const completed = await complete(result.uploadId)
  expect(completed.body.results[0]).toMatchObject({
    status: 'stored',
    fileHash: content.fileHash,
    verified: true,
    files: [{ path: 'videos/a.mp4' }],
  })
  expect(await usageOf(accountId)).toEqual({ used: content.fileSize, reserved: 0 })
})

test('files of one part, an empty one among them, go up in one start and one completion', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, complete } = uploader(apiKey)
  const contents = await Promise.all([0, 1, 4096, 16 * MIB].map(aContent))

  const started = await start(
    ...contents.map(
      (content, n) => [content, { path: `f${n}` }] as [typeof content, { path: string }],
    ),
  )
  for (const [index, content] of contents.entries()) {
    expect(await sendParts(started.body.results[index], content)).toEqual([200])
  }
  const completed = await complete(
    ...started.body.results.map((one: { uploadId: string }) => one.uploadId),
  )
  expect(completed.body.results.map((one: { status: string }) => one.status)).toEqual(
    contents.map(() => 'stored'),
  )
  expect(await usageOf(accountId)).toEqual({ used: 1 + 4096 + 16 * MIB, reserved: 0 })
})

test('content that the account has is a clone: no bytes, one call, charged at its size', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(3000)
  await uploadWhole(apiKey, content, 'a')

  const { body } = await uploader(apiKey).start([content, { path: 'b' }])
  expect(body.results[0]).toMatchObject({
    path: 'b',
    status: 'stored',
    duplicate: true,
    verified: true,
    savedBytes: 3000,
  })
  expect(await usageOf(accountId)).toEqual({ used: 6000, reserved: 0 })
})

test('content of another account is not found: it is uploaded, not cloned', async () => {
  const [ada, bob] = [await anAccount(), await anAccount()]
  const content = await aContent(3000)
  await uploadWhole(ada.apiKey, content, 'a')

  const { body } = await uploader(bob.apiKey).start([content, { path: 'a' }])
  expect(body.results[0].status).toBe('open')
})

test('the same content started twice at once is one upload, reserved once per target', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * MIB)
  const { start } = uploader(apiKey)

  const answers = await Promise.all([
    start([content, { path: 'same' }]),
    start([content, { path: 'same' }]),
    start([content, { path: 'other' }]),
  ])
  const ids = answers.map(({ body }) => body.results[0].uploadId)
  expect(new Set(ids).size).toBe(1)
  const urls = answers.map(({ body }) =>
    new URL(body.results[0].signed.url).searchParams.get('uploadId'),
  )
  expect(new Set(urls).size).toBe(1)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 2 * content.fileSize })
})

test('starting again resumes: only the missing parts are signed', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(21 * MIB)
  const { start, complete } = uploader(apiKey)
  const first = (await start([content, { path: 'a' }])).body.results[0]
  await sendParts(first, content, [1, 2, 4])

  const again = (await start([content, { path: 'a' }])).body.results[0]
  expect(again.uploadId).toBe(first.uploadId)
  expect(again.storedParts).toEqual([
    [1, 2],
    [4, 4],
  ])
  expect(Object.keys(again.signed.signatures)).toEqual(['3', '5'])
  await sendParts(again, content)
  expect((await complete(again.uploadId)).body.results[0].status).toBe('stored')
})

test('a hole is refused with the parts that miss, and the upload stays open', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(21 * MIB)
  const { start, complete, read } = uploader(apiKey)
  const result = (await start([content, { path: 'a' }])).body.results[0]
  await sendParts(result, content, [1, 3, 5])

  const refused = await complete(result.uploadId)
  expect(refused.status).toBe(409)
  expect(refused.body).toMatchObject({
    type: '/errors/parts-missing',
    missingParts: [
      [2, 2],
      [4, 4],
    ],
  })
  expect((await read(result.uploadId)).body).toMatchObject({
    status: 'open',
    storedParts: [
      [1, 1],
      [3, 3],
      [5, 5],
    ],
  })
})

test('the store refuses bytes other than those declared', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(3000)
  const forged = await aContent(3000)
  const result = (await uploader(apiKey).start([content, { path: 'a' }])).body.results[0]

  const wrongBytes = { ...content, bytes: forged.bytes }
  expect(await sendParts(result, wrongBytes)).toEqual([400])
  const otherDigest = { ...forged, partHashes: forged.partHashes }
  expect(await sendParts(result, otherDigest)).toEqual([403])
})

test('completing twice, also at once, gives the same answer and charges once', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * MIB)
  const { start, complete } = uploader(apiKey)
  const result = (await start([content, { path: 'a' }])).body.results[0]
  await sendParts(result, content)

  const answers = await Promise.all([1, 2, 3].map(() => complete(result.uploadId)))
  const stored = answers.map(({ body }) => body.results[0]).filter((one) => one.status === 'stored')
  expect(stored.length).toBeGreaterThan(0)
  const last = (await complete(result.uploadId)).body.results[0]
  expect(last).toEqual(stored[0])
  expect(await usageOf(accountId)).toEqual({ used: content.fileSize, reserved: 0 })
})

test('completing onto a path replaces its file and charges the difference', async () => {
  const { apiKey, accountId } = await anAccount()
  const fileId = await uploadWhole(apiKey, await aContent(3000), 'a')
  expect(await uploadWhole(apiKey, await aContent(1000), 'a')).toBe(fileId)
  expect(await usageOf(accountId)).toEqual({ used: 1000, reserved: 0 })
})

test('ifNew refuses a taken path at start, and at completion when the path was taken meanwhile', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, complete } = uploader(apiKey)
  const late = await aContent(500)
  const open = (await start([late, { path: 'a', ifNew: true }])).body.results[0]
  const fileId = await uploadWhole(apiKey, await aContent(3000), 'a')

  const refused = await start([await aContent(10), { path: 'a', ifNew: true }])
  expect(refused.status).toBe(409)
  expect(refused.body).toMatchObject({ type: '/errors/path-taken', fileId })

  await sendParts(open, late)
  const { body } = await complete(open.uploadId)
  expect(body.results[0].files[0]).toMatchObject({
    path: 'a',
    problem: { type: '/errors/path-taken' },
  })
  expect((await complete(open.uploadId)).body).toMatchObject({ results: body.results })
  expect(await usageOf(accountId)).toEqual({ used: 3000, reserved: 0 })
})

test('a file in the trash counts, but does not hold its path: uploads and clones take it, also as new', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, complete } = uploader(apiKey)
  const trash = async (fileId: string) =>
    await call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}`, { as: apiKey })
  const content = await aContent(3000)
  await trash(await uploadWhole(apiKey, content, 'a'))
  const clone = (await start([content, { path: 'a', ifNew: true }])).body.results[0]
  expect(clone.status).toBe('stored')
  await trash(clone.fileId)

  const other = await aContent(500)
  const result = (await start([other, { path: 'a', ifNew: true }])).body.results[0]
  await sendParts(result, other)
  const { body } = await complete(result.uploadId)
  expect(body.results[0].files).toEqual([{ path: 'a', fileId: expect.any(String) }])
  expect(await usageOf(accountId)).toEqual({ used: 6500, reserved: 0 })
})

test('of two uploads that fit alone but not together, one is refused', async () => {
  const { apiKey } = await anAccount({ bytesLeft: 10_000 })
  const { start } = uploader(apiKey)
  const contents = await Promise.all([aContent(6000), aContent(6000)])

  const answers = await Promise.all(
    contents.map((content, n) => start([content, { path: `f${n}` }])),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 403])
  const refused = answers.find(({ status }) => status === 403)
  expect(refused?.body).toMatchObject({
    type: '/errors/quota-exceeded',
    quota: { neededBytes: 6000 },
  })
})

test('in a batch each file that fits is taken, in order, and a bad one fails alone', async () => {
  const { apiKey, accountId } = await anAccount({ bytesLeft: 10_000 })
  const before = await usageOf(accountId)
  const [a, b, c] = await Promise.all([aContent(8000), aContent(5000), aContent(2000)])
  const files = [
    startOf(a, { path: 'a' }),
    startOf(b, { path: 'b' }),
    startOf(c, { path: 'c' }),
    { ...startOf(c, { path: 'd' }), fileHash: 'md5:nonsense' },
    startOf(c, { path: '../e' }),
    startOf(c, { path: 'a' }),
    { ...startOf(c, { path: 'f' }), fileSize: 2001, fileHash: `${c.fileHash}-2` },
  ]
  const { status, body } = await call(POST, 'POST', PATH, { as: apiKey, body: { files } })
  expect(status).toBe(200)
  const seen = body.results.map(
    (one: { status?: string; problem?: { type: string } }) => one.status ?? one.problem?.type,
  )
  expect(seen).toEqual([
    'open',
    '/errors/quota-exceeded',
    'open',
    '/errors/invalid-request',
    '/errors/invalid-request',
    '/errors/invalid-request',
    '/errors/content-mismatch',
  ])
  expect(await usageOf(accountId)).toEqual({ used: before.used, reserved: 10_000 })
})

test('a tier without storage is told the way out', async () => {
  const { apiKey } = await anAccount({ tier: 'free' })
  const { status, body } = await uploader(apiKey).start([await aContent(1), { path: 'a' }])
  expect(status).toBe(403)
  expect(body).toMatchObject({ type: '/errors/quota-exceeded' })
  expect(body.detail).toContain('higher tier')
})

test('an aborted upload of several parts gives its quota back at once and takes no more bytes', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * MIB)
  const { start, abort, complete } = uploader(apiKey)
  const result = (await start([content, { path: 'a' }])).body.results[0]
  await sendParts(result, content, [1])

  expect((await abort(result.uploadId)).body).toEqual({
    uploadId: result.uploadId,
    status: 'aborted',
  })
  expect((await abort(result.uploadId)).status).toBe(200)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
  expect(await sendParts(result, content, [2])).toEqual([404])
  expect(await complete(result.uploadId)).toMatchObject({
    status: 409,
    body: { type: '/errors/upload-closed' },
  })
})

test('an aborted single PUT keeps its quota reserved while its URL could still store bytes', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(3000)
  const { start, abort } = uploader(apiKey)
  const result = (await start([content, { path: 'a' }])).body.results[0]

  const aborted = await abort(result.uploadId)
  expect(aborted.status).toBe(202)
  expect(Date.parse(aborted.body.releasedBy)).toBeGreaterThanOrEqual(
    Date.parse(result.signed.expiresAt),
  )
  expect(await sendParts(result, content)).toEqual([200])
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 3000 })
})

async function rowOf(uploadId: string) {
  const [row] = await query(sql`SELECT * FROM uploads WHERE id = ${uploadId}`)
  return row
}

test("somebody else's upload is like none at all", async () => {
  const [ada, bob] = [await anAccount(), await anAccount()]
  const content = await aContent(17 * MIB)
  const { uploadId } = (await uploader(ada.apiKey).start([content, { path: 'a' }])).body.results[0]
  const [theirs, nobodys] = [uploadId, randomUUID()]
  const before = await rowOf(uploadId)

  const asBob = uploader(bob.apiKey)
  for (const ask of [
    asBob.read,
    asBob.abort,
    asBob.complete,
    (id: string) => asBob.sign([{ uploadId: id }]),
  ]) {
    const answers = [await ask(theirs), await ask(nobodys)].map(
      ({ status, body: { requestId: _, ...body } }) => ({ status, body }),
    )
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.status).toBe(404)
  }
  expect((await asBob.list()).body.uploads).toEqual([])
  expect(await rowOf(uploadId)).toEqual(before)
})

test('PATCH signs named parts, or all that miss, and renews the grant', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(21 * MIB)
  const { start, sign } = uploader(apiKey)
  const result = (await start([content, { path: 'a' }])).body.results[0]
  await sendParts(result, content, [1, 2])
  const { uploadId } = result

  const named = await sign([{ uploadId, partNumbers: [4] }])
  expect(Object.keys(named.body.results[0].signed.signatures)).toEqual(['4'])
  expect(named.body.grant.token).toMatch(/^[\w-]+\.[\w-]+$/)
  expect(await sendParts({ ...result, ...named.body.results[0] }, content)).toEqual([200])

  const missing = await sign([{ uploadId }])
  expect(missing.body.results[0].storedParts).toEqual([
    [1, 2],
    [4, 4],
  ])
  expect(Object.keys(missing.body.results[0].signed.signatures)).toEqual(['3', '5'])
  expect((await sign([{ uploadId, partNumbers: [6] }])).status).toBe(400)
})

test('two open uploads onto one path: the younger one stays when both complete in one call', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, complete } = uploader(apiKey)
  const [older, younger] = await Promise.all([aContent(100), aContent(200)])
  const first = (await start([older, { path: 'a' }])).body.results[0]
  const second = (await start([younger, { path: 'a' }])).body.results[0]
  await sendParts(first, older)
  await sendParts(second, younger)

  const { body } = await complete(first.uploadId, second.uploadId)
  expect(body.results.map((one: { status: string }) => one.status)).toEqual(['stored', 'stored'])
  expect(await usageOf(accountId)).toEqual({ used: 200, reserved: 0 })
})

test('of two uploads onto a path, one that ifNew refuses does not keep the other one out', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, complete } = uploader(apiKey)
  const [older, younger] = await Promise.all([aContent(100), aContent(200)])
  const first = (await start([older, { path: 'a' }])).body.results[0]
  const second = (await start([younger, { path: 'a', ifNew: true }])).body.results[0]
  const fileId = await uploadWhole(apiKey, await aContent(10), 'a')
  await sendParts(first, older)
  await sendParts(second, younger)

  const { body } = await complete(first.uploadId, second.uploadId)
  expect(body.results[0].files).toEqual([{ path: 'a', fileId }])
  expect(body.results[1].files[0].problem.type).toBe('/errors/path-taken')
  expect(await usageOf(accountId)).toEqual({ used: 100, reserved: 0 })
})

test('an id in capitals names the same upload', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(100)
  const { start, sign, complete } = uploader(apiKey)
  const result = (await start([content, { path: 'a' }])).body.results[0]
  await sendParts(result, content)
  const uploadId = result.uploadId.toUpperCase()
  expect((await sign([{ uploadId, partNumbers: [1] }])).status).toBe(200)
  expect((await complete(uploadId)).body.results[0].status).toBe('stored')
})

test('naming a part or an upload again does not widen the grant', async () => {
  const { apiKey } = await anAccount()
  const { start, sign } = uploader(apiKey)
  const { uploadId } = (await start([await aContent(17 * MIB), { path: 'a' }])).body.results[0]
  const once = await sign([{ uploadId, partNumbers: [1] }])
  const often = await sign([{ uploadId, partNumbers: Array(1000).fill(1) }])
  expect(often.body.grant.bytes).toBe(once.body.grant.bytes)
  expect((await sign([{ uploadId }, { uploadId: uploadId.toUpperCase() }])).status).toBe(400)
})

test('an upload may be written to for as long as anything signed for it lives, and five minutes more; starting, signing and time never shorten that', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(3000)
  const { start, sign } = uploader(apiKey)
  const started = (await start([content, { path: 'a' }])).body.results[0]
  const { uploadId } = started
  const late = (signed: { expiresAt: string }, row: Record<string, unknown> | undefined) =>
    new Date(String(row?.urls_expire_at)).getTime() - Date.parse(signed.expiresAt)
  const soon = sql`now() + interval '1 second'`
  const age = (until: typeof soon) =>
    query(
      sql`UPDATE uploads SET urls_expire_at = ${until}, expires_at = ${soon} WHERE id = ${uploadId}`,
    )
  const isLate = (ms: number) => ms > 290_000 && ms < 310_000

  expect(late(started.signed, await rowOf(uploadId))).toSatisfy(isLate)
  for (const again of [
    () => sign([{ uploadId, partNumbers: [1] }]),
    () => start([content, { path: 'a' }]),
    () => start([content, { path: 'b' }]),
  ]) {
    await age(soon)
    const { signed } = (await again()).body.results[0]
    const row = await rowOf(uploadId)
    expect(late(signed, row)).toSatisfy(isLate)
    const days = (new Date(String(row?.expires_at)).getTime() - Date.now()) / 86_400_000
    expect(days).toBeCloseTo(7, 2)

    await age(sql`now() + interval '3 hours'`)
    await again()
    expect(late(signed, await rowOf(uploadId))).toBeGreaterThan(7_200_000)
  }
})

test('MD5s are kept only of parts that an upload can have, and only in md5 mode', async () => {
  const { apiKey } = await anAccount()
  const { start, sign } = uploader(apiKey)
  const { uploadId } = (await start([await aContent(17 * MIB), { path: 'a' }])).body.results[0]
  const md5 = Buffer.alloc(16).toString('base64')
  expect((await sign([{ uploadId, md5s: { 10001: md5 } }])).status).toBe(400)
  await sign([{ uploadId, partNumbers: [1], md5s: { 1: md5 } }])
  const [row] = await query(sql`SELECT part_md5s FROM uploads WHERE id = ${uploadId}`)
  expect(row?.part_md5s).toEqual({})
})

test('open uploads are listed newest first, page by page', async () => {
  const { apiKey } = await anAccount()
  const { start, list } = uploader(apiKey)
  for (const path of ['a', 'b', 'c']) await start([await aContent(10), { path }])

  const first = (await list('limit=2')).body
  expect(first.uploads.map((one: { targets: { path: string }[] }) => one.targets[0]?.path)).toEqual(
    ['c', 'b'],
  )
  const second = (await list(`limit=2&cursor=${first.cursor}`)).body
  expect(
    second.uploads.map((one: { targets: { path: string }[] }) => one.targets[0]?.path),
  ).toEqual(['a'])
  expect(second.cursor).toBe(null)
  for (const key of [
    ['a', 'x'],
    ['', ''],
    ['1', 'x'],
    ['1'.repeat(18), randomUUID()],
    ['infinity', randomUUID()],
  ]) {
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url')
    expect({ key, status: (await list(`cursor=${cursor}`)).status }).toEqual({ key, status: 400 })
  }
})

test('a call needs a key, a body that is JSON, and 1 to 100 members', async () => {
  const { apiKey } = await anAccount()
  expect((await call(POST, 'POST', PATH, { body: { files: [] } })).status).toBe(401)
  expect(
    (await call(POST, 'POST', PATH, { as: 'jt_live_made-up', body: { files: [] } })).status,
  ).toBe(401)
  expect((await call(POST, 'POST', PATH, { as: apiKey, body: '{"files"' })).status).toBe(400)
  expect((await call(POST, 'POST', PATH, { as: apiKey, body: { files: [] } })).status).toBe(400)
  expect(
    (await call(PUT, 'PUT', PATH, { as: apiKey, body: { uploads: [{ uploadId: 'no' }] } })).status,
  ).toBe(400)
  expect(
    (
      await call(PATCH, 'PATCH', PATH, {
        as: apiKey,
        body: { uploads: Array(101).fill({ uploadId: randomUUID() }) },
      })
    ).status,
  ).toBe(400)
})

test('more than 20,000 parts in one call are refused with the limit', async () => {
  const { apiKey } = await anAccount({ tier: 'enterprise' })
  const partHashes = Array(10_000).fill(Buffer.alloc(32, 1).toString('base64'))
  const { contentIdOf } = await import('../../../lib/content/content-id.ts')
  const fileHash = await contentIdOf(Array(10_000).fill(Buffer.alloc(32, 1)))
  const files = [1, 2, 3].map((n) => ({
    path: `f${n}`,
    fileSize: 625 * 1024 * MIB - n,
    fileHash,
    partHashes,
  }))
  const { status, body } = await call(POST, 'POST', PATH, { as: apiKey, body: { files } })
  expect({ status, body }).toMatchObject({
    status: 413,
    body: { type: '/errors/too-large', partsMax: 20_000 },
  })
})

test('paths with emoji, quotes and 1,024 bytes are stored and listed as given', async () => {
  const { apiKey } = await anAccount()
  const content = await contentOfBytes(Buffer.from('same content'))
  for (const path of ["émoji 🚀/“quoted” 'name' & ?#%.txt", 'x'.repeat(1024), '日本/語', 'a\\b']) {
    expect(
      (
        await call(POST, 'POST', PATH, {
          as: apiKey,
          body: { files: [startOf(content, { path })] },
        })
      ).body.results[0],
    ).toMatchObject({ path })
  }
  for (const path of [
    '',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/../b',
    'nul\0',
    'line\nbreak',
    'x'.repeat(1025),
    '\ud800',
    'del\u007f',
  ]) {
    const { status, body } = await call(POST, 'POST', PATH, {
      as: apiKey,
      body: { files: [startOf(content, { path })] },
    })
    expect({ path, status, type: body.type }).toEqual({
      path,
      status: 400,
      type: '/errors/invalid-request',
    })
  }
})
