import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { aContent, contentOfBytes } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'

const proxies = await throughProxies()
const { GET, POST } = await import('../../../api/jetty/similar.ts')
const { query } = await import('../../../lib/db/client.ts')
const { sketchOf } = await import('../../../lib/content/sketch.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { anAccount } = await import('../../local/account.ts')
const { describe, uploadDescribed } = await import('../../local/delta.ts')
const { aSketch, storeSketched, wireOf } = await import('../../local/sketches.ts')

const MIB = 1024 * 1024
const PATH = '/api/jetty/similar'
const ask = (as: string, body: unknown) => call(POST, 'POST', PATH, { as, body })
const page = (as: string, search = '') => call(GET, 'GET', `${PATH}?${search}`, { as })
const contentOf = ({ sketch, fileSize }: ReturnType<typeof aSketch>) => ({
  fileSize,
  sketch: wireOf(sketch),
})
const trash = (fileId: string | undefined) =>
  query(sql`UPDATE agentcache_assets SET trashed_at = now() WHERE id = ${fileId}`)

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
const pathsOf = (body: any) => body.files.map(({ path }: { path: string }) => path)

/** An account with `old`, `near` (97 % of it), `half` (60 % of it) and `other`. */
async function aLibrary() {
  const account = await anAccount()
  const { accountId } = account
  const old = await storeSketched(accountId, aSketch(1, 1, { share: 0.97 }), ['old'])
  const near = await storeSketched(accountId, aSketch(1, 2, { share: 0.97 }), ['near'])
  const half = await storeSketched(accountId, aSketch(1, 3, { share: 0.8 }), ['half'])
  const other = await storeSketched(accountId, aSketch(2, 1), ['other'])
  return { ...account, old, near, half, other }
}

test('asked about a file, it tells the others that share 95 % with it, and how much', async () => {
  const { apiKey, old, near } = await aLibrary()
  const { status, body } = await ask(apiKey, { fileId: old.fileIds[0] })
  expect(status).toBe(200)
  expect(body).toEqual({
    files: [
      {
        fileId: near.fileIds[0],
        path: 'near',
        fileSize: near.fileSize,
        fileHash: near.fileHash,
        similarity: expect.closeTo(0.97, 1),
      },
    ],
    compared: true,
  })
  expect(body.files[0].similarity).toBe(Number(body.files[0].similarity.toFixed(4)))
})

test('asked about a content that is nowhere yet, it tells the stored files most like it first', async () => {
  const { apiKey } = await aLibrary()
  const { body } = await ask(apiKey, {
    ...contentOf(aSketch(1, 9, { share: 0.98 })),
    threshold: 0.6,
  })
  expect(pathsOf(body)).toEqual(expect.arrayContaining(['old', 'near', 'half']))
  expect(pathsOf(body)[2]).toBe('half')
  const shares = body.files.map(({ similarity }: { similarity: number }) => similarity)
  expect(shares).toEqual(shares.toSorted((a: number, b: number) => b - a))
})

test('the threshold says how much must be shared, the limit how many are told', async () => {
  const { apiKey, old } = await aLibrary()
  const fileId = old.fileIds[0]
  expect(pathsOf((await ask(apiKey, { fileId, threshold: 0.99 })).body)).toEqual([])
  expect(pathsOf((await ask(apiKey, { fileId, threshold: 0.6 })).body)).toEqual(['near', 'half'])
  expect(pathsOf((await ask(apiKey, { fileId, threshold: 0.6, limit: 1 })).body)).toEqual(['near'])
})

test('a content with several paths tells each, and other paths of the very file come first', async () => {
  const { apiKey, accountId } = await anAccount()
  const stored = await storeSketched(accountId, aSketch(1, 1, { share: 0.97 }), ['c', 'a', 'b'])
  await storeSketched(accountId, aSketch(1, 2, { share: 0.97 }), ['y', 'x'])
  const { body } = await ask(apiKey, { fileId: stored.fileIds[1] })
  expect(pathsOf(body)).toEqual(['b', 'c', 'x', 'y'])
  expect(body.files[0]).toMatchObject({ similarity: 1, fileHash: stored.fileHash })
  expect(body.files[2].similarity).toBeLessThan(1)
})

test('what is in the trash is not told, nor what is being deleted; but one may ask about a file in the trash', async () => {
  const { apiKey, old, near } = await aLibrary()
  await trash(near.fileIds[0])
  expect(pathsOf((await ask(apiKey, { fileId: old.fileIds[0] })).body)).toEqual([])
  expect(pathsOf((await ask(apiKey, { fileId: near.fileIds[0] })).body)).toEqual(['old'])
  await query(sql`UPDATE file_hashes SET state = 'deleting' WHERE id = ${old.blobId}`)
  expect(pathsOf((await ask(apiKey, { fileId: near.fileIds[0] })).body)).toEqual([])
})

test('files of others are neither told nor asked about', async () => {
  const { old } = await aLibrary()
  const { apiKey } = await anAccount()
  const content = { fileSize: old.fileSize, fileHash: old.fileHash, sketch: wireOf(old.sketch) }
  expect((await ask(apiKey, content)).body.files).toEqual([])
  expect(await ask(apiKey, { fileId: old.fileIds[0] })).toMatchObject({
    status: 404,
    body: { type: '/errors/not-found' },
  })
  expect((await ask(apiKey, { fileId: randomUUID() })).status).toBe(404)
  expect((await page(apiKey)).body).toEqual({ groups: [], cursor: null })
})

test('with its id, a content finds the very same whatever the sketches say', async () => {
  const { apiKey, accountId } = await anAccount()
  const stored = await storeSketched(accountId, { sketch: null, fileSize: 1000 }, ['a'])
  const { fileSize, fileHash } = stored
  const sketch = wireOf({ ...stored.sketch, distinctBytes: 900 })
  expect((await ask(apiKey, { fileSize, sketch })).body.files).toEqual([])
  expect((await ask(apiKey, { fileSize, fileHash, sketch })).body.files).toEqual([
    { fileId: stored.fileIds[0], path: 'a', fileSize, fileHash, similarity: 1 },
  ])
  expect((await ask(apiKey, { fileSize: 999, fileHash, sketch })).body.files).toEqual([])
})

test('without a sketch, or with one of hardly any chunks, only the very same is told, and that it was so', async () => {
  const { apiKey, accountId } = await anAccount()
  for (const [name, content] of [
    ['none', { sketch: null, fileSize: 2_000_000 }],
    ['few', aSketch(7, 1, { count: 2 })],
  ] as const) {
    const one = await storeSketched(accountId, content, [name, `${name} again`])
    await storeSketched(accountId, content, [`${name} otherwise`])
    const { body } = await ask(apiKey, { fileId: one.fileIds[0] })
    expect(pathsOf(body)).toEqual([`${name} again`])
    expect(body.compared).toBe(false)
  }
  const empty = { distinctBytes: 0, bins: Buffer.alloc(512).toString('base64') }
  const { body } = await ask(apiKey, { fileSize: 0, sketch: empty })
  expect(body).toEqual({ files: [], compared: false })
})

test('either question is one round trip to Redis and one to the database, and none to the store', async () => {
  const { apiKey, old } = await aLibrary()
  await ask(apiKey, { fileId: old.fileIds[0] })
  for (const act of [
    () => ask(apiKey, { fileId: old.fileIds[0] }),
    () => ask(apiKey, contentOf(aSketch(1, 9))),
    () => page(apiKey),
  ]) {
    for (const proxy of Object.values(proxies)) proxy.passed.length = 0
    expect((await act()).status).toBe(200)
    expect(proxies.redis.passed).toHaveLength(1)
    expect(proxies.sql.passed).toHaveLength(1)
    expect(proxies.s3.passed).toHaveLength(0)
  }
})

const BINS = Buffer.alloc(512, 1).toString('base64')
const GOOD = { fileSize: 100, sketch: { distinctBytes: 1, bins: BINS } }
const sketched = (change: object) => ({ ...GOOD, sketch: { ...GOOD.sketch, ...change } })

test.each([
  ['/fileId', { ...GOOD, fileId: 'x' }],
  ['/fileSize', { sketch: GOOD.sketch }],
  ['/sketch', { fileSize: 10 }],
  ['/sketch/bins', sketched({ bins: 'AAAA' })],
  ['/sketch/bins', sketched({ bins: Buffer.alloc(513, 1).toString('base64') })],
  ['/sketch/bins', sketched({ bins: `${'-'.repeat(682)}A=` })],
  ['/sketch/distinctBytes', sketched({ distinctBytes: -1 })],
  ['/fileHash', { ...GOOD, fileHash: 'abc' }],
  ['/threshold', { ...GOOD, threshold: 0.49 }],
  ['/threshold', { ...GOOD, threshold: 1.01 }],
  ['/limit', { ...GOOD, limit: 0 }],
  ['/limit', { ...GOOD, limit: 101 }],
])('what is wrong with a body is said: 400 at %s', async (pointer, body) => {
  const { apiKey } = await anAccount()
  expect((await ask(apiKey, GOOD)).status).toBe(200)
  const refused = await ask(apiKey, body)
  expect(refused.status).toBe(400)
  expect(refused.body.type).toBe('/errors/invalid-request')
  expect(refused.body.errors[0].pointer).toBe(pointer)
})

test('a content id, or a sketch, that cannot be that of a file of this size is 422', async () => {
  const { apiKey } = await anAccount()
  const fileHash = `sha256:${'0'.repeat(64)}-3`
  for (const [pointer, body] of [
    ['/fileHash', { ...GOOD, fileHash }],
    ['/sketch/distinctBytes', sketched({ distinctBytes: 101 })],
  ] as const) {
    const refused = await ask(apiKey, body)
    expect(refused).toMatchObject({ status: 422, body: { type: '/errors/content-mismatch' } })
    expect(refused.body.errors[0].pointer).toBe(pointer)
  }
})

test('either method asks for a key: 401', async () => {
  const sketch = contentOf(aSketch(1, 1))
  expect((await call(POST, 'POST', PATH, { body: sketch })).status).toBe(401)
  expect((await call(GET, 'GET', PATH)).status).toBe(401)
})

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
const groupsOf = (body: any): string[][] =>
  body.groups.map(({ files }: { files: { path: string }[] }) => files.map(({ path }) => path))
const content = (family: number, member: number, share = 0.98) => aSketch(family, member, { share })
const idAt = (n: number) => `sha256:${String(n).padStart(64, '0')}-4`

test('a whole account is told as groups: paths of one content, and contents like the first of them', async () => {
  const { apiKey, accountId } = await anAccount()
  const put = (n: number, made: ReturnType<typeof aSketch>, paths: string[]) =>
    storeSketched(accountId, { ...made, fileHash: idAt(n) }, paths)
  await put(1, content(1, 1), ['alone'])
  await put(2, content(2, 1), ['second'])
  await put(3, content(3, 1), ['copy', 'copied'])
  const first = await put(4, content(2, 2), ['third'])
  await put(5, content(4, 1), ['gone'])
  const gone = await put(6, content(4, 2), ['trashed'])
  await trash(gone.fileIds[0])

  const { status, body } = await page(apiKey)
  expect(status).toBe(200)
  expect(groupsOf(body)).toEqual(
    [
      ['copied', 'copy'],
      ['second', 'third'],
    ].toReversed(),
  )
  expect(body.cursor).toBeNull()
  expect(body.groups[0]).toEqual({
    fileHash: idAt(2),
    fileSize: expect.any(Number),
    files: [
      expect.objectContaining({ path: 'second', similarity: 1 }),
      {
        fileId: first.fileIds[0],
        path: 'third',
        fileSize: first.fileSize,
        fileHash: idAt(4),
        similarity: expect.closeTo(0.98, 1),
      },
    ],
  })
  expect(body.groups[0].files[1].similarity).toBeLessThan(1)
})

test('page by page every file that has a likely duplicate is told, whatever the pages cut through', async () => {
  const { apiKey, accountId } = await anAccount()
  const FAMILIES = 3
  for (let n = 0; n < 12; n++) {
    const family = n % FAMILIES
    const made = n < 9 ? content(family, n) : content(100 + n, 1)
    await storeSketched(accountId, { ...made, fileHash: idAt(n) }, [`${family}/${n}`])
  }
  for (const limit of [1, 5, 12, 200]) {
    const told = new Map<string, Set<string>>()
    let cursor = ''
    let pages = 0
    do {
      const search = new URLSearchParams({ limit: `${limit}`, ...(cursor ? { cursor } : {}) })
      const { body } = await page(apiKey, `${search}`)
      for (const { fileHash, files } of body.groups) {
        const paths = told.get(fileHash) ?? new Set()
        for (const file of files) paths.add(file.path)
        told.set(fileHash, paths)
      }
      cursor = body.cursor
      pages += 1
    } while (cursor)
    expect(pages).toBe(limit === 12 ? 2 : Math.ceil(12 / limit) + (limit === 1 ? 1 : 0))
    expect(new Map([...told].map(([hash, paths]) => [hash, [...paths].sort()]))).toEqual(
      new Map([0, 1, 2].map((n) => [idAt(n), [`${n}/${n}`, `${n}/${n + 3}`, `${n}/${n + 6}`]])),
    )
  }
})

/** Further paths of a stored content. */
const addPaths = (fileId: string | undefined, count: number) =>
  query(sql`
    INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
    SELECT account_id, blob_id, path || '/' || n, size_bytes, content_type, uploaded_via
    FROM agentcache_assets, generate_series(1, ${count}) n WHERE id = ${fileId}`)

test('a page ends early where it has thousands of files, of one content at most a hundred', async () => {
  const { apiKey, accountId } = await anAccount()
  for (let n = 0; n < 25; n++) {
    const content = { sketch: null, fileSize: 16 * 1024 ** 2 + 1, fileHash: idAt(n) }
    const { fileIds } = await storeSketched(accountId, content, [`${n}`])
    await addPaths(fileIds[0], 150)
  }
  const first = (await page(apiKey)).body
  expect(groupsOf(first).map((files) => files.length)).toEqual(
    Array.from({ length: 20 }, () => 100),
  )
  const rest = (await page(apiKey, `cursor=${first.cursor}`)).body
  expect(groupsOf(rest)).toHaveLength(5)
  expect(rest.cursor).toBeNull()
})

test('of three in a row, whose ends are not alike, each is told', async () => {
  const { apiKey, accountId } = await anAccount()
  const { chunks } = aSketch(1, 1, { count: 1200 })
  const window = (from: number) => {
    const [ids, offsets] = [
      chunks.ids.slice(from, from + 1000),
      chunks.offsets.slice(from, from + 1001),
    ]
    return { fileSize: chunks.fileSize, sketch: sketchOf({ ...chunks, ids, offsets }) }
  }
  for (const [n, from] of [
    [1, 0],
    [2, 200],
    [3, 100],
  ] as const) {
    await storeSketched(accountId, { ...window(from), fileHash: idAt(n) }, [`from ${from}`])
  }
  const { body } = await page(apiKey, 'threshold=0.85')
  expect(groupsOf(body)).toEqual([
    ['from 0', 'from 100'],
    ['from 200', 'from 100'],
  ])

  await query(
    sql`UPDATE agentcache_assets SET trashed_at = now() WHERE account_id = ${accountId} AND path = 'from 100'`,
  )
  await query(
    sql`UPDATE file_hashes SET file_hash = ${idAt(0)} WHERE account_id = ${accountId} AND file_hash = ${idAt(3)}`,
  )
  expect(groupsOf((await page(apiKey, 'threshold=0.85')).body)).toEqual([])
})

test('the threshold of a page says how alike the files of a group are', async () => {
  const { apiKey, accountId } = await anAccount()
  for (const member of [1, 2])
    await storeSketched(accountId, content(1, member, 0.9), [`${member}`])
  expect(groupsOf((await page(apiKey)).body)).toEqual([])
  const { body } = await page(apiKey, 'threshold=0.8')
  expect(groupsOf(body)).toHaveLength(1)
  expect(groupsOf(body)[0]?.toSorted()).toEqual(['1', '2'])
})

test.each([
  ['/threshold', 'threshold=0.4'],
  ['/threshold', 'threshold=much'],
  ['/limit', 'limit=0'],
  ['/limit', 'limit=201'],
])('what is wrong with a query is said: 400 at %s', async (pointer, search) => {
  const { apiKey } = await anAccount()
  const { status, body } = await page(apiKey, search)
  expect({ status, pointer: body.errors[0].pointer }).toEqual({ status: 400, pointer })
})

test.each([[['a']], [['sha256:x', '1']], [[idAt(1), "1' OR"]]])(
  'a cursor of something else is 400: %j',
  async (key) => {
    const { apiKey } = await anAccount()
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url')
    const { status, body } = await page(apiKey, `cursor=${cursor}`)
    expect({ status, type: body.type }).toEqual({ status: 400, type: '/errors/invalid-request' })
  },
)

test('a suspended account is 403, whichever way it asks', async () => {
  const { apiKey, accountId } = await anAccount()
  await query(sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE id = ${accountId}`)
  for (const answer of [await ask(apiKey, GOOD), await page(apiKey)]) {
    expect(answer).toMatchObject({ status: 403, body: { type: '/errors/account-suspended' } })
  }
})

test('two uploads with sketches find each other: the second before it is sent, the first by its file', async () => {
  const { apiKey } = await anAccount()
  const first = await aContent(6 * MIB)
  const changed = Buffer.from(first.bytes)
  randomBytes(4096).copy(changed, 3 * MIB)
  const second = await contentOfBytes(changed)
  const fileId = await uploadDescribed(apiKey, first, 'v1')

  const { fileSize, fileHash } = second
  const { sketch } = (await describe(second)).said
  const before = await ask(apiKey, { fileSize, fileHash, sketch })
  expect(before.body.files).toMatchObject([{ fileId, path: 'v1', fileHash: first.fileHash }])

  await uploadDescribed(apiKey, second, 'v2')
  const { body } = await ask(apiKey, { fileId })
  expect(body).toMatchObject({ compared: true, files: [{ path: 'v2', fileHash, fileSize }] })
  expect(body.files[0].similarity).toBeGreaterThan(0.98)
  expect(body.files[0].similarity).toBeLessThan(1)
})
