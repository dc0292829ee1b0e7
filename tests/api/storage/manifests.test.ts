import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { manifestBytesMax } from '../../../lib/content/manifest-format.ts'
import { query } from '../../../lib/db/client.ts'
import { manifestKeyOf } from '../../../lib/storage/keys.ts'
import { headObject } from '../../../lib/storage/objects.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { aDeclared } from '../../lib/sessions/tracking.ts'
import { anAccount } from '../../local/account.ts'
import { aContent, contentOfBytes, type TestContent } from '../../local/content.ts'
import { describe, sayManifest, sendManifest, uploadDescribed } from '../../local/delta.ts'
import { sendParts, uploader, uploadWhole, usageOf, type Wanted } from '../../local/uploading.ts'

const MIB = 1024 * 1024
const A_MANIFEST = randomBytes(3_000)
const manifest = sayManifest(A_MANIFEST)
const sketch = { distinctBytes: 1000, bins: Buffer.alloc(512, 7).toString('base64') }

async function rowOf(uploadId: string) {
  const [row] = await query(sql`SELECT * FROM uploads WHERE id = ${uploadId}`)
  return row
}

async function blobOf(accountId: string) {
  const [row] = await query(sql`
    SELECT b.*, s.* FROM file_hashes b LEFT JOIN blob_sketches s ON s.blob_id = b.id WHERE b.account_id = ${accountId}`)
  return row
}

test('a manifest is reserved with its upload and charged once when it settles, whether anybody sent it or not', async () => {
  for (const isSent of [true, false]) {
    const { apiKey, accountId } = await anAccount()
    const { start, complete } = uploader(apiKey)
    const content = await aContent(6 * MIB)
    const places = ['a', 'b'].map((path) => [content, { path, manifest }] as [TestContent, Wanted])
    const [result, other] = (await start(...places)).body.results
    expect(other.uploadId).toBe(result.uploadId)
    expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 12 * MIB + 3_000 })

    await sendParts(result, content)
    if (isSent) expect((await sendManifest(result.manifest, A_MANIFEST)).status).toBe(200)
    const [stored] = (await complete(result.uploadId)).body.results
    expect(stored.status).toBe('stored')
    expect(await usageOf(accountId)).toEqual({ used: 12 * MIB + 3_000, reserved: 0 })

    const blob = await blobOf(accountId)
    expect(Number(blob?.manifest_bytes)).toBe(3_000)
    const head = await headObject(manifestKeyOf(String(blob?.storage_key)))
    expect(head?.size ?? null).toBe(isSent ? 3_000 : null)

    // A clone has the blob's manifest, and pays for the file alone.
    await start([content, { path: 'clone', manifest }])
    expect(await usageOf(accountId)).toEqual({ used: 18 * MIB + 3_000, reserved: 0 })
  }
})

test('its URL takes exactly the manifest that was declared, for a quarter of an hour', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(6 * MIB)
  const [result] = (await uploader(apiKey).start([content, { path: 'a', manifest }])).body.results
  const { url, headers, expiresAt } = result.manifest
  expect(headers).toMatchObject({ 'x-amz-checksum-sha256': manifest.sha256 })
  const minutes = (Date.parse(expiresAt) - Date.now()) / 60_000
  expect(minutes).toBeGreaterThan(14)
  expect(minutes).toBeLessThanOrEqual(15)
  const writable = new Date(String((await rowOf(result.uploadId))?.manifest_url_expires_at))
  expect(writable.getTime() - Date.parse(expiresAt)).toBeGreaterThan(290_000)

  expect((await sendManifest(result.manifest, randomBytes(3_000))).status).toBe(400)
  expect((await sendManifest(result.manifest, A_MANIFEST.subarray(1))).status).toBe(403)
  const other = sayManifest(randomBytes(3_000)).sha256
  const forged = { url, headers: { ...headers, 'x-amz-checksum-sha256': other } }
  expect((await sendManifest(forged, A_MANIFEST)).status).toBe(403)
  expect((await sendManifest(result.manifest, A_MANIFEST)).status).toBe(200)
})

test('a manifest of more than 16 MiB, as only huge files have, is one PUT too', async () => {
  const { apiKey } = await anAccount({ tier: 'enterprise' })
  const content = await aDeclared(20_000 * MIB)
  const large = Buffer.alloc(19 * MIB, 1)
  const wanted = { path: 'a', manifest: sayManifest(large) }
  const [result] = (await uploader(apiKey).start([content, wanted])).body.results
  expect((await sendManifest(result.manifest, large)).status).toBe(200)
})

test('a resume gets a new URL for the same manifest, which is reserved once; none for another or a later one', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, abort } = uploader(apiKey)
  const content = await aContent(6 * MIB)
  const first = (await start([content, { path: 'a', manifest }])).body.results[0]
  await query(sql`UPDATE uploads SET manifest_url_expires_at = now() WHERE id = ${first.uploadId}`)

  const again = (await start([content, { path: 'a', manifest }])).body.results[0]
  expect(again.uploadId).toBe(first.uploadId)
  expect((await sendManifest(again.manifest, A_MANIFEST)).status).toBe(200)
  const writable = new Date(String((await rowOf(first.uploadId))?.manifest_url_expires_at))
  expect(writable.getTime()).toBeGreaterThan(Date.parse(again.manifest.expiresAt))
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 6 * MIB + 3_000 })

  const another = sayManifest(randomBytes(3_000))
  for (const wanted of [
    { path: 'a', manifest: another },
    { path: 'b', manifest: sayManifest(randomBytes(2_000)) },
    { path: 'a' },
  ])
    expect((await start([content, wanted])).body.results[0].manifest).toBe(null)

  const plain = await aContent(6 * MIB)
  await start([plain, { path: 'c' }])
  const late = (await start([plain, { path: 'c', manifest }])).body.results[0]
  expect(late).toMatchObject({ status: 'open', manifest: null })
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 18 * MIB + 3_000 })
  await abort(late.uploadId)
})

test('of two starts of one content at once, the manifest is reserved once', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start } = uploader(apiKey)
  const content = await aContent(6 * MIB)
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => start([content, { path: 'a', manifest }])),
  )
  for (const { body } of answers) expect(body.results[0].manifest).not.toBe(null)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 6 * MIB + 3_000 })
})

test('where the file fits and the manifest does not, the file goes without; files go before manifests', async () => {
  const size = 6 * MIB
  for (const [bytesLeft, manifests] of [
    [2 * size + 6_000, [true, true]],
    [2 * size + 5_999, [true, false]],
    [2 * size + 2_999, [false, false]],
    [2 * size, [false, false]],
  ] as const) {
    const { apiKey, accountId } = await anAccount({ bytesLeft })
    const { start, complete } = uploader(apiKey)
    const contents = await Promise.all([aContent(size), aContent(size)])
    const { results } = (
      await start(
        ...contents.map(
          (content, n) => [content, { path: `${n}`, manifest }] as [TestContent, Wanted],
        ),
      )
    ).body
    expect(results.map((one: { status: string }) => one.status)).toEqual(['open', 'open'])
    expect(results.map((one: { manifest: object | null }) => one.manifest !== null)).toEqual([
      ...manifests,
    ])
    const kept = manifests.filter((one) => one).length
    expect((await usageOf(accountId)).reserved).toBe(2 * size + kept * 3_000)

    for (const [n, content] of contents.entries()) await sendParts(results[n], content)
    await complete(...results.map((one: { uploadId: string }) => one.uploadId))
    expect((await usageOf(accountId)).reserved).toBe(0)
  }
})

test('only files above 5 MiB keep a manifest, since nothing is ever copied from others', async () => {
  const { apiKey, accountId } = await anAccount()
  const [largest, above] = await Promise.all([aContent(5 * MIB), aContent(5 * MIB + 1)])
  const wanted = { manifest, sketch }
  const { results } = (
    await uploader(apiKey).start(
      [largest, { path: 'a', ...wanted }],
      [above, { path: 'b', ...wanted }],
    )
  ).body
  expect(results[0].manifest).toBe(null)
  expect(results[1].manifest).not.toBe(null)
  expect((await usageOf(accountId)).reserved).toBe(10 * MIB + 1 + 3_000)
})

test('a manifest or a sketch that no file of the size can have is refused, and so is what is none', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(6 * MIB)
  const { start } = uploader(apiKey)
  const most = manifestBytesMax(content.fileSize)
  const refusalOf = async (wanted: object) => {
    const { status, body } = await start([content, { path: 'a', ...wanted }])
    return [status, body.errors?.[0]?.pointer]
  }
  const { sha256 } = manifest
  expect(await refusalOf({ manifest: { bytes: most + 1, sha256 } })).toEqual([
    422,
    '/manifest/bytes',
  ])
  const wide = { ...sketch, distinctBytes: content.fileSize + 1 }
  expect(await refusalOf({ sketch: wide })).toEqual([422, '/sketch/distinctBytes'])
  expect(await refusalOf({ manifest: { bytes: 0, sha256 } })).toEqual([400, '/manifest/bytes'])
  expect(await refusalOf({ manifest: { bytes: 1, sha256: 'x' } })).toEqual([
    400,
    '/manifest/sha256',
  ])
  for (const bins of ['', 'x', Buffer.alloc(511).toString('base64'), '*'.repeat(684)])
    expect(await refusalOf({ sketch: { ...sketch, bins } })).toEqual([400, '/sketch/bins'])
  expect(await refusalOf({ baseFileId: 'x' })).toEqual([400, '/baseFileId'])
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
  expect(await refusalOf({ manifest: { bytes: most, sha256 } })).toEqual([200, undefined])
})

test('a sketch becomes the row that files are compared by; one of nothing becomes none', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(300_000)
  const { said } = await describe(content)
  await uploadDescribed(apiKey, content, 'a')
  const { bandsOf } = await import('../../../lib/content/bands.ts')
  const bins = Buffer.from(said.sketch.bins, 'base64')
  const bands = bandsOf({ averageBytes: 16_384, distinctBytes: 300_000, bins })
  const blob = await blobOf(accountId)
  expect(blob).toMatchObject({ average_bytes: 16_384, account_id: accountId })
  expect(Number(blob?.distinct_bytes)).toBe(300_000)
  expect(blob?.bins).toEqual(bins)
  expect([1, 2, 3, 4, 5, 6, 7, 8].map((n) => blob?.[`band${n}`])).toEqual(bands)
  const [upload] = await query(sql`SELECT sketch_bins FROM uploads WHERE account_id = ${accountId}`)
  expect(upload?.sketch_bins).toBe(null)

  const other = await anAccount()
  const { start, complete } = uploader(other.apiKey)
  const nothing = { distinctBytes: 0, bins: Buffer.alloc(512).toString('base64') }
  const empty = await aContent(0)
  const [result] = (await start([empty, { path: 'a', sketch: nothing }])).body.results
  await sendParts(result, empty)
  expect((await complete(result.uploadId)).body.results[0].status).toBe('stored')
  expect((await blobOf(other.accountId))?.bins).toBe(null)
})

test('an aborted upload keeps its quota while its manifest could still be stored; then the manifest goes', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, abort } = uploader(apiKey)
  const content = await aContent(17 * MIB)
  const [result] = (await start([content, { path: 'a', manifest, sketch }])).body.results
  await sendParts(result, content, [1])
  await sendManifest(result.manifest, A_MANIFEST)
  const { uploadId } = result
  const key = manifestKeyOf(String((await rowOf(uploadId))?.storage_key))

  const aborted = await abort(uploadId)
  expect(aborted.status).toBe(202)
  expect(Date.parse(aborted.body.releasedBy)).toBeGreaterThanOrEqual(
    Date.parse(result.manifest.expiresAt),
  )
  expect(await sendParts(result, content, [2])).toEqual([404])
  expect((await sendManifest(result.manifest, A_MANIFEST)).status).toBe(200)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 17 * MIB + 3_000 })

  const { releaseDueUploads } = await import('../../../lib/uploads/abort.ts')
  expect(await releaseDueUploads(accountId)).toBe(0)
  await query(sql`UPDATE uploads SET manifest_url_expires_at = now() WHERE id = ${uploadId}`)
  expect(await releaseDueUploads(accountId)).toBe(1)
  expect(await headObject(key)).toBe(null)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
  expect((await rowOf(uploadId))?.sketch_bins).toBe(null)
})

test('an aborted single PUT with a manifest waits for both of its URLs', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, abort } = uploader(apiKey)
  const content = await aContent(6 * MIB)
  const { uploadId } = (await start([content, { path: 'a', manifest }])).body.results[0]
  const age = (urls: string, manifestUrl: string) =>
    query(sql`UPDATE uploads SET urls_expire_at = now() + ${urls}::interval,
      manifest_url_expires_at = now() + ${manifestUrl}::interval WHERE id = ${uploadId}`)
  for (const [urls, manifestUrl] of [
    ['1 hour', '-1 hour'],
    ['-1 hour', '1 hour'],
  ] as const) {
    await age(urls, manifestUrl)
    const { status, body } = await abort(uploadId)
    expect(status).toBe(202)
    expect(Date.parse(body.releasedBy) - Date.now()).toBeGreaterThan(3_500_000)
  }
  await age('-1 hour', '-1 hour')
  expect((await abort(uploadId)).status).toBe(200)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})

test('what is used and reserved of manifests is in the quota that the account sees', async () => {
  const { apiKey } = await anAccount()
  const content = await aContent(6 * MIB)
  await uploadDescribed(apiKey, content, 'a')
  await uploader(apiKey).start([await aContent(6 * MIB), { path: 'b', manifest }])
  const { GET } = await import('../../../api/agentcache/quota.ts')
  const { call } = await import('../../local/request.ts')
  const { body } = await call(GET, 'GET', '/api/agentcache/quota', { as: apiKey })
  const { manifestBytes } = await describe(content)
  expect(body.storage).toMatchObject({
    usedBytes: 6 * MIB + manifestBytes.length,
    reservedBytes: 6 * MIB + 3_000,
  })
})

test('a changed file is offered the file that it names, else the one that has its path; nothing of others', async () => {
  const [mine, theirs] = [await anAccount(), await anAccount()]
  const [former, named] = await Promise.all([aContent(17 * MIB), aContent(6 * MIB)])
  const formerId = await uploadDescribed(mine.apiKey, former, 'a')
  const namedId = await uploadDescribed(mine.apiKey, named, 'x')
  const foreignId = await uploadDescribed(theirs.apiKey, named, 'x')
  const { start } = uploader(mine.apiKey)
  const baseOf = async (wanted: { path: string; baseFileId?: string }, size = 17 * MIB) =>
    (await start([await aContent(size), wanted])).body.results[0].base

  const { manifestBytes } = await describe(former)
  const base = await baseOf({ path: 'a' })
  expect(base).toEqual({
    fileId: formerId,
    path: 'a',
    fileSize: 17 * MIB,
    similarity: null,
    manifestUrl: expect.any(String),
    manifestBytes: manifestBytes.length,
    expiresAt: expect.any(String),
  })
  const answer = await fetch(base.manifestUrl)
  expect(Buffer.from(await answer.arrayBuffer()).equals(manifestBytes)).toBe(true)
  const minutes = (Date.parse(base.expiresAt) - Date.now()) / 60_000
  expect(minutes).toBeGreaterThan(14)

  expect(await baseOf({ path: 'a', baseFileId: namedId })).toMatchObject({ fileId: namedId })
  expect(await baseOf({ path: 'new', baseFileId: namedId })).toMatchObject({ path: 'x' })
  expect(await baseOf({ path: 'a', baseFileId: foreignId })).toMatchObject({ fileId: formerId })
  expect(await baseOf({ path: 'new', baseFileId: foreignId })).toBe(null)
  expect(await baseOf({ path: 'new' })).toBe(null)
  expect(await baseOf({ path: 'a' }, 16 * MIB)).toBe(null)
})

/** The same bytes in every run, since sketches are a matter of chance. */
function steadyBytes(length: number, seed: string): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest()
}

test('a changed file at a new path is offered the stored file most like it, from a half on, and nothing of others', async () => {
  const [mine, theirs] = [await anAccount(), await anAccount()]
  const first = await contentOfBytes(steadyBytes(20 * MIB, 'first'))
  const changed = async (bytes: number) =>
    await contentOfBytes(
      Buffer.concat([steadyBytes(bytes, `${bytes}`), first.bytes.subarray(bytes)]),
    )
  const second = await changed(MIB / 4)
  const baseOf = async (apiKey: string, path: string, content: TestContent) => {
    const { said } = await describe(content)
    return (await uploader(apiKey).start([content, { path, ...said }])).body.results[0].base
  }
  await uploadDescribed(theirs.apiKey, first, 'theirs')
  expect(await baseOf(mine.apiKey, 'before', second)).toBe(null)

  await uploadDescribed(mine.apiKey, await changed(2 * MIB), 'far')
  const fileId = await uploadDescribed(mine.apiKey, first, 'near')
  const base = await baseOf(mine.apiKey, 'new', second)
  expect(base).toMatchObject({ fileId, path: 'near', similarity: expect.any(Number) })
  expect(base.similarity).toBeGreaterThan(0.95)
  expect(base.similarity).toBeLessThan(1)
  expect(await baseOf(mine.apiKey, 'far', second)).toMatchObject({ path: 'far', similarity: null })
  expect(await baseOf(mine.apiKey, 'other', await changed(14 * MIB))).toBe(null)

  await query(
    sql`UPDATE file_hashes SET manifest_bytes = 0 WHERE account_id = ${mine.accountId} AND file_hash = ${first.fileHash}`,
  )
  expect(await baseOf(mine.apiKey, 'new', second)).toMatchObject({ path: 'far' })
})

test('no base is offered that has no manifest, is too small to copy from, or is cut by another average', async () => {
  const { apiKey, accountId } = await anAccount({ tier: 'enterprise' })
  const { start } = uploader(apiKey)
  const plain = await aContent(6 * MIB)
  await uploadWhole(apiKey, plain, 'plain')
  await uploadDescribed(apiKey, await aContent(6 * MIB), 'described')
  const baseOf = async (path: string, bytes = 17 * MIB) => {
    const content = bytes > 100 * MIB ? await aDeclared(bytes) : await aContent(bytes)
    return (await start([content, { path }])).body.results[0].base
  }
  expect(await baseOf('plain')).toBe(null)
  expect(await baseOf('described')).not.toBe(null)
  expect(await baseOf('described', 17_000 * MIB)).toBe(null)

  await query(sql`UPDATE file_hashes SET file_size = ${5 * MIB} WHERE account_id = ${accountId}`)
  expect(await baseOf('described')).toBe(null)
  await query(
    sql`UPDATE file_hashes SET file_size = ${5 * MIB + 1} WHERE account_id = ${accountId}`,
  )
  expect(await baseOf('described')).not.toBe(null)
})

test('a base in the trash can be named, and is not chosen by its path', async () => {
  const { apiKey } = await anAccount()
  const fileId = await uploadDescribed(apiKey, await aContent(6 * MIB), 'a')
  const { DELETE } = await import('../../../api/storage/files.ts')
  const { call } = await import('../../local/request.ts')
  await call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}`, { as: apiKey })
  const { start } = uploader(apiKey)
  const named = (await start([await aContent(17 * MIB), { path: 'a', baseFileId: fileId }])).body
  expect(named.results[0].base).toMatchObject({ fileId })
  const unnamed = (await start([await aContent(17 * MIB), { path: 'a' }])).body
  expect(unnamed.results[0].base).toBe(null)
})

test('a manifest that says anything else than its file costs sending, and nothing more', async () => {
  const { apiKey } = await anAccount()
  const { start, complete } = uploader(apiKey)
  const base = await aContent(17 * MIB)
  const lie = randomBytes(2_000)
  const [first] = (await start([base, { path: 'a', manifest: sayManifest(lie) }])).body.results
  await sendParts(first, base)
  expect((await sendManifest(first.manifest, lie)).status).toBe(200)
  await complete(first.uploadId)

  const content = await contentOfBytes(Buffer.concat([base.bytes, randomBytes(10)]))
  const [result] = (await start([content, { path: 'a' }])).body.results
  expect(Buffer.from(await (await fetch(result.base.manifestUrl)).arrayBuffer())).toEqual(lie)
  const { decodeManifest } = await import('../../../lib/content/decode-manifest.ts')
  expect(await decodeManifest(new Uint8Array(lie))).toBe(null)
  await sendParts(result, content)
  expect((await complete(result.uploadId)).body.results[0].status).toBe('stored')
})
