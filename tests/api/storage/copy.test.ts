import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { POST } from '../../../api/storage/copy.ts'
import { DELETE } from '../../../api/storage/files.ts'
import { query } from '../../../lib/db/client.ts'
import { deleteObject } from '../../../lib/storage/objects.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent, contentOfBytes, type TestContent } from '../../local/content.ts'
import { copy, describe, runsOf, uploadDescribed } from '../../local/delta.ts'
import { call } from '../../local/request.ts'
import { sendParts, uploader, uploadWhole } from '../../local/uploading.ts'

const MIB = 1024 * 1024
const PART = 5 * MIB

/** A base of 25 MiB under `a`, and an open upload of a version of it with 100 bytes more at 7 MiB. */
async function aDelta() {
  const account = await anAccount()
  const { apiKey } = account
  const base = await aContent(25 * MIB)
  const fileId = await uploadDescribed(apiKey, base, 'a')
  const at = 7 * MIB
  const content = await contentOfBytes(
    Buffer.concat([base.bytes.subarray(0, at), randomBytes(100), base.bytes.subarray(at)]),
  )
  const client = uploader(apiKey)
  const [result] = (await client.start([content, { path: 'a' }])).body.results
  return { ...account, ...client, base, fileId, content, result, uploadId: result.uploadId }
}

/** The parts that moved by 100 bytes are whole in the base; the second has the new bytes. */
const RUNS = [
  [1, 1, 0],
  [3, 5, 2 * PART - 100],
  [6, 6, 5 * PART - 100],
]

async function bytesOfFile(apiKey: string, fileId: string): Promise<Buffer> {
  const { GET } = await import('../../../api/storage/download.ts')
  const headers = { accept: 'application/json' }
  const path = `/api/storage/download?fileId=${fileId}`
  const { body } = await call(GET, 'GET', path, { as: apiKey, headers })
  return Buffer.from(await (await fetch(body.url)).arrayBuffer())
}

test('parts that the base has are copied, wherever they lie, and the rest is sent: the file is the changed one', async () => {
  const { apiKey, fileId, content, result, uploadId, complete, read } = await aDelta()
  const { status, body } = await copy(apiKey, { uploadId, fileId, parts: RUNS })
  const copied = [
    [1, 1],
    [3, 6],
  ]
  expect({ status, body }).toEqual({
    status: 200,
    body: { uploadId, copied, refused: [], left: [] },
  })
  expect((await read(uploadId)).body.storedParts).toEqual(copied)

  expect(await sendParts(result, content, [2])).toEqual([200])
  const [stored] = (await complete(uploadId)).body.results
  expect(stored).toMatchObject({ status: 'stored', verified: true, fileHash: content.fileHash })
  expect((await bytesOfFile(apiKey, stored.files[0].fileId)).equals(content.bytes)).toBe(true)
})

test('what a plan by manifests says is what can be copied', async () => {
  const { apiKey, base, fileId, content, uploadId } = await aDelta()
  const { runs, sent } = runsOf((await describe(base)).chunks, (await describe(content)).chunks)
  expect(sent).toEqual([2])
  expect((await copy(apiKey, { uploadId, fileId, parts: runs })).body).toMatchObject({
    copied: [
      [1, 1],
      [3, 6],
    ],
    refused: [],
  })
})

test('a wrong guess is refused, and completing without sending that part is refused too: wrong bytes never become a file', async () => {
  const { apiKey, fileId, content, result, uploadId, complete, read } = await aDelta()
  const wrong = [
    [1, 3, 0],
    [4, 6, 3 * PART - 100],
  ]
  expect((await copy(apiKey, { uploadId, fileId, parts: wrong })).body).toMatchObject({
    copied: [
      [1, 1],
      [4, 6],
    ],
    refused: [[2, 3]],
  })
  expect((await read(uploadId)).body.storedParts).toEqual([
    [1, 1],
    [4, 6],
  ])
  expect(await complete(uploadId)).toMatchObject({
    status: 409,
    body: { type: '/errors/parts-mismatch', mismatchedParts: [[2, 3]] },
  })

  await sendParts(result, content, [2, 3])
  expect((await complete(uploadId)).body.results[0]).toMatchObject({ status: 'stored' })
})

test('another device that resumes finds what was copied, and sends the rest', async () => {
  const { apiKey, fileId, content, uploadId, start, complete } = await aDelta()
  await copy(apiKey, { uploadId, fileId, parts: RUNS })
  const [again] = (await start([content, { path: 'a' }])).body.results
  expect(again).toMatchObject({ uploadId, storedParts: expect.anything() })
  expect(Object.keys(again.signed.signatures)).toEqual(['2'])
  await sendParts(again, content)
  expect((await complete(uploadId)).body.results[0].status).toBe('stored')
})

test('whoever watches the upload sees copied chunks as completed', async () => {
  const { apiKey, fileId, uploadId } = await aDelta()
  await copy(apiKey, { uploadId, fileId, parts: RUNS })
  const { readLedger } = await import('../../../lib/chunks/ledger.ts')
  expect([...((await readLedger(uploadId))?.completed ?? [])].sort()).toEqual([0, 2, 3, 4, 5])
})

test('a base in the trash, or replaced under its path meanwhile, still has its bytes; one whose object is gone or another is refused', async () => {
  const { apiKey, accountId, fileId, uploadId } = await aDelta()
  const trashed = `/api/storage/files?fileId=${fileId}`
  await call(DELETE, 'DELETE', trashed, { as: apiKey })
  expect((await copy(apiKey, { uploadId, fileId, parts: [[1, 1, 0]] })).body.copied).toEqual([
    [1, 1],
  ])

  await query(sql`UPDATE file_hashes SET etag = 'another' WHERE account_id = ${accountId}`)
  const changed = await copy(apiKey, { uploadId, fileId, parts: RUNS })
  expect(changed.body).toMatchObject({
    copied: [],
    refused: [
      [1, 1],
      [3, 6],
    ],
  })

  const [blob] = await query(
    sql`SELECT storage_key FROM file_hashes WHERE account_id = ${accountId}`,
  )
  await deleteObject(String(blob?.storage_key))
  expect((await copy(apiKey, { uploadId, fileId, parts: [[1, 1, 0]] })).body.refused).toEqual([
    [1, 1],
  ])
})

test('a base that was replaced under its file id has other ranges, and they are judged by their bytes', async () => {
  const { apiKey, fileId, uploadId } = await aDelta()
  await uploadWhole(apiKey, await aContent(30 * MIB), 'a')
  expect((await copy(apiKey, { uploadId, fileId, parts: RUNS })).body).toMatchObject({
    copied: [],
    refused: [
      [1, 1],
      [3, 6],
    ],
  })
})

test('a base that was ended meanwhile is like none', async () => {
  const { apiKey, fileId, uploadId } = await aDelta()
  const path = `/api/storage/files?fileId=${fileId}&permanent=true`
  await call(DELETE, 'DELETE', path, { as: apiKey })
  expect((await copy(apiKey, { uploadId, fileId, parts: RUNS })).status).toBe(404)
})

test("somebody else's upload or file is like none at all", async () => {
  const [mine, theirs] = [await aDelta(), await aDelta()]
  const ask = async (uploadId: string, fileId: string) => {
    const { status, body } = await copy(mine.apiKey, { uploadId, fileId, parts: [[1, 1, 0]] })
    const { requestId: _, ...said } = body
    return { status, said }
  }
  const nobodys = await ask(randomUUID(), randomUUID())
  expect(nobodys).toMatchObject({ status: 404, said: { type: '/errors/not-found' } })
  expect(await ask(theirs.uploadId, mine.fileId)).toEqual(nobodys)
  expect(await ask(mine.uploadId, theirs.fileId)).toEqual(nobodys)
  expect((await theirs.read(theirs.uploadId)).body.storedParts).toEqual([])
  expect((await mine.read(mine.uploadId)).body.storedParts).toEqual([])
})

test('an upload that is not open takes no copies', async () => {
  const { apiKey, fileId, uploadId, abort } = await aDelta()
  await abort(uploadId)
  expect(await copy(apiKey, { uploadId, fileId, parts: RUNS })).toMatchObject({
    status: 409,
    body: { type: '/errors/upload-closed', uploadStatus: 'aborted' },
  })
})

test('parts and ranges that there are not, and a part twice, are refused before anything is copied', async () => {
  const { apiKey, fileId, uploadId, read } = await aDelta()
  for (const parts of [
    [
      [1, 1, 0],
      [7, 7, 0],
    ],
    [
      [1, 1, 0],
      [6, 6, 25 * MIB],
    ],
    [[1, 6, 1]],
    [
      [1, 2, 0],
      [2, 2, 0],
    ],
    [[2, 1, 0]],
    [[0, 1, 0]],
    [[1, 1, -1]],
    [[1, 1, 0.5]],
    [[1, 1]],
    [[1, 1, 0, 0]],
    [{ 0: 1, 1: 1, 2: 0 }],
    [[1, 10_001, 0]],
    Array(10_001).fill([1, 1, 0]),
    [],
  ]) {
    const { status, body } = await copy(apiKey, { uploadId, fileId, parts })
    expect({ parts, status, type: body.type }).toEqual({
      parts,
      status: 400,
      type: '/errors/invalid-request',
    })
    expect(body.errors[0].pointer).toMatch(/^\/parts/)
  }
  expect((await read(uploadId)).body.storedParts).toEqual([])
})

test('a call needs a key, and a body with ids', async () => {
  const body = { uploadId: randomUUID(), fileId: randomUUID(), parts: [[1, 1, 0]] }
  expect((await call(POST, 'POST', '/api/storage/copy', { body })).status).toBe(401)
  const { apiKey } = await anAccount()
  expect((await copy(apiKey, { ...body, uploadId: 'x' })).status).toBe(400)
  expect((await copy(apiKey, { ...body, fileId: undefined })).status).toBe(400)
  expect((await call(POST, 'POST', '/api/storage/copy', { as: apiKey, body: '{' })).status).toBe(
    400,
  )
})

test('what can never be copied is refused: a file of one part, and from a base that is too small', async () => {
  const { apiKey, fileId, start } = await aDelta()
  const small = await aContent(PART)
  const smallId = await uploadWhole(apiKey, small, 'small')
  const one = (await start([await aContent(3 * MIB), { path: 'one' }])).body.results[0]
  const single = { uploadId: one.uploadId, fileId, parts: [[1, 1, 0]] }
  expect((await copy(apiKey, single)).body.refused).toEqual([[1, 1]])

  const content: TestContent = await contentOfBytes(
    Buffer.concat([small.bytes, randomBytes(20 * MIB)]),
  )
  const { uploadId } = (await start([content, { path: 'b' }])).body.results[0]
  const fromSmall = { uploadId, fileId: smallId, parts: [[1, 1, 0]] }
  expect((await copy(apiKey, fromSmall)).body).toMatchObject({ copied: [], refused: [[1, 1]] })
})

test('a copy is a sign of life', async () => {
  const { apiKey, fileId, uploadId } = await aDelta()
  await query(
    sql`UPDATE uploads SET expires_at = now() + interval '1 second' WHERE id = ${uploadId}`,
  )
  await copy(apiKey, { uploadId, fileId, parts: [[1, 1, 0]] })
  const [row] = await query(sql`SELECT expires_at FROM uploads WHERE id = ${uploadId}`)
  const days = (new Date(String(row?.expires_at)).getTime() - Date.now()) / 86_400_000
  expect(days).toBeCloseTo(7, 2)
})

test('what the time does not allow is left, and copied by the next call', async () => {
  const { apiKey, accountId, fileId, uploadId } = await aDelta()
  const { copyFromFile } = await import('../../../lib/copies/copy-from-file.ts')
  const wanted = { uploadId, fileId, parts: [[1, 1, 0]] as [number, number, number][] }
  const over = { beginBefore: Date.now() - 1, answerBefore: Date.now() + 60_000 }
  expect(await copyFromFile(accountId, wanted, over)).toEqual({
    uploadId,
    copied: [],
    refused: [],
    left: [[1, 1]],
  })
  expect((await copy(apiKey, wanted)).body.copied).toEqual([[1, 1]])
})
