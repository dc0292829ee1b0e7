import { expect, test } from 'vitest'
import { aContent, contentOfBytes } from '../local/content.ts'
import { throughProxies } from '../local/proxied.ts'
import { call } from '../local/request.ts'

const MIB = 1024 * 1024
const proxies = await throughProxies()
const { anAccount } = await import('../local/account.ts')
const { sendParts, uploader, uploadWhole } = await import('../local/uploading.ts')
const { copy, describe, sendManifest, uploadDescribed } = await import('../local/delta.ts')
const files = await import('../../api/storage/files.ts')
const download = await import('../../api/storage/download.ts')
const quota = await import('../../api/agentcache/quota.ts')

/**
 * Round trips of a call, once its key is known and the store's capabilities are read. Calls that offer relays read what
 * is known of them: one Redis more, at once with the SQL.
 */
async function cost(act: () => Promise<unknown>) {
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0
  await act()
  return Object.fromEntries(
    Object.entries(proxies).map(([name, { passed }]) => [name, passed.length]),
  )
}

async function aWarmAccount() {
  const account = await anAccount()
  await uploadWhole(account.apiKey, await aContent(10), 'warm-up')
  return account
}

test('a cold key costs one SQL more, and a made-up one costs nothing', async () => {
  const { apiKey } = await anAccount()
  const read = (as: string) => () => call(quota.GET, 'GET', '/api/agentcache/quota', { as })
  expect(await cost(read(apiKey))).toMatchObject({ sql: 2, s3: 0 })
  expect(await cost(read(apiKey))).toEqual({ redis: 1, sql: 1, s3: 0 })
  expect(await cost(read(`${apiKey.slice(0, -1)}${apiKey.endsWith('A') ? 'B' : 'A'}`))).toEqual({
    redis: 0,
    sql: 0,
    s3: 0,
  })
})

test('starting 1 or 100 files of one part costs one SQL, and completing them two', async () => {
  const { apiKey } = await aWarmAccount()
  const { start, complete } = uploader(apiKey)
  for (const count of [1, 100]) {
    const contents = await Promise.all(Array.from({ length: count }, () => aContent(64)))
    const wanted = contents.map(
      (content, n) => [content, { path: `${count}/${n}` }] as [typeof content, { path: string }],
    )
    let started: Awaited<ReturnType<typeof start>> | undefined
    expect(
      await cost(async () => {
        started = await start(...wanted)
      }),
    ).toEqual({ redis: 2, sql: 1, s3: 0 })

    const results = started?.body.results
    for (const [n, content] of contents.entries()) await sendParts(results[n], content)
    const uploadIds = results.map((one: { uploadId: string }) => one.uploadId)
    expect(await cost(() => complete(...uploadIds))).toEqual({ redis: 1, sql: 2, s3: count })
    expect(await cost(() => complete(...uploadIds))).toEqual({ redis: 1, sql: 1, s3: 0 })
    expect(
      await cost(() =>
        start(
          ...wanted.map(
            ([content], n) =>
              [content, { path: `clone/${count}/${n}` }] as [typeof content, { path: string }],
          ),
        ),
      ),
    ).toEqual({ redis: 2, sql: 1, s3: 0 })
  }
})

test('an upload of several parts: create, list and complete are one, one and three calls to the store', async () => {
  const { apiKey } = await aWarmAccount()
  const { start, sign, complete, read, list, abort } = uploader(apiKey)
  const content = await aContent(17 * MIB)
  expect(await cost(() => start([content, { path: 'a' }]))).toEqual({ redis: 2, sql: 2, s3: 1 })
  expect(await cost(() => start([content, { path: 'a' }]))).toEqual({ redis: 2, sql: 1, s3: 1 })

  const result = (await start([content, { path: 'a' }])).body.results[0]
  const { uploadId } = result
  expect(await cost(() => sign([{ uploadId, partNumbers: [1] }]))).toEqual({
    redis: 2,
    sql: 1,
    s3: 0,
  })
  expect(await cost(() => sign([{ uploadId }]))).toEqual({ redis: 2, sql: 1, s3: 1 })
  expect(await cost(() => read(uploadId))).toEqual({ redis: 1, sql: 1, s3: 1 })
  expect(await cost(() => list())).toEqual({ redis: 1, sql: 1, s3: 0 })
  await sendParts(result, content)
  expect(await cost(() => complete(uploadId))).toEqual({ redis: 1, sql: 2, s3: 3 })

  const other = (await start([await aContent(17 * MIB), { path: 'b' }])).body.results[0]
  expect(await cost(() => abort(other.uploadId))).toEqual({ redis: 1, sql: 2, s3: 3 })
})

test('a delta is three calls: a start that names the base, one copy of all its parts, a completion', async () => {
  const { apiKey, accountId } = await aWarmAccount()
  const { start, sign, complete, abort } = uploader(apiKey)
  const base = await aContent(25 * MIB)
  const fileId = await uploadDescribed(apiKey, base, 'a')
  const content = await contentOfBytes(Buffer.concat([base.bytes, Buffer.alloc(3 * MIB, 1)]))
  const { manifestBytes, said } = await describe(content)

  let started: Awaited<ReturnType<typeof start>> | undefined
  const startAgain = async () => {
    started = await start([content, { path: 'a', ...said }])
  }
  expect(await cost(startAgain)).toEqual({ redis: 2, sql: 2, s3: 1 })
  const [result] = started?.body.results ?? []
  expect(result.base).toMatchObject({ fileId })
  const { uploadId } = result
  const parts = [[1, 5, 0]]
  expect(await cost(() => copy(apiKey, { uploadId, fileId, parts }))).toEqual({
    redis: 2,
    sql: 1,
    s3: 5,
  })
  expect(await cost(startAgain)).toEqual({ redis: 2, sql: 1, s3: 1 })
  expect(await cost(() => sign([{ uploadId }]))).toEqual({ redis: 2, sql: 1, s3: 1 })
  await sendParts(result, content, [6])
  await sendManifest(result.manifest, manifestBytes)
  expect(await cost(() => complete(uploadId))).toEqual({ redis: 1, sql: 2, s3: 3 })

  const other = await aContent(17 * MIB)
  const wanted = { path: 'b', ...(await describe(other)).said }
  const [open] = (await start([other, wanted])).body.results
  expect(await cost(() => abort(open.uploadId))).toEqual({ redis: 1, sql: 1, s3: 2 })
  const { query } = await import('../../lib/db/client.ts')
  const { sql } = await import('../../lib/vendor/orm.js')
  await query(
    sql`UPDATE uploads SET manifest_url_expires_at = now() WHERE account_id = ${accountId}`,
  )
  expect(await cost(() => abort(open.uploadId))).toEqual({ redis: 1, sql: 2, s3: 4 })
})

test('files and downloads cost one SQL', async () => {
  const { apiKey: as } = await aWarmAccount()
  const fileId = await uploadWhole(as, await aContent(10), 'a')
  const path = '/api/storage/files'
  const one = { redis: 1, sql: 1, s3: 0 }
  expect(await cost(() => call(files.GET, 'GET', path, { as }))).toEqual(one)
  expect(await cost(() => call(files.GET, 'GET', `${path}?delimiter=/`, { as }))).toEqual(one)
  expect(await cost(() => call(files.GET, 'GET', `${path}?fileId=${fileId}`, { as }))).toEqual(one)
  expect(
    await cost(() => call(download.GET, 'GET', `/api/storage/download?fileId=${fileId}`, { as })),
  ).toEqual({ ...one, redis: 2 })
  expect(
    await cost(() => call(files.PATCH, 'PATCH', path, { as, body: { fileId, path: 'b' } })),
  ).toEqual(one)
  expect(
    await cost(() => call(files.DELETE, 'DELETE', `${path}?fileId=${fileId}`, { as })),
  ).toEqual(one)
})
