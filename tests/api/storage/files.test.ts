import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { DELETE, GET, PATCH } from '../../../api/storage/files.ts'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { uploader, uploadWhole, usageOf } from '../../local/uploading.ts'

const PATH = '/api/storage/files'

type Listed = { files: { path: string }[]; folders: string[]; cursor: string | null }

function asking(as: string) {
  return {
    list: (query = '') => call(GET, 'GET', `${PATH}?${query}`, { as }),
    read: (fileId: string) => call(GET, 'GET', `${PATH}?fileId=${fileId}`, { as }),
    change: (body: object) => call(PATCH, 'PATCH', PATH, { as, body }),
    remove: (fileId: string, query = '') =>
      call(DELETE, 'DELETE', `${PATH}?fileId=${fileId}&${query}`, { as }),
  }
}

/** An account with the same small content under each path: one upload and clones. */
async function anAccountWith(...paths: string[]) {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  const ids = new Map<string, string>()
  for (const path of paths) ids.set(path, await uploadWhole(apiKey, content, path))
  return {
    apiKey,
    accountId,
    content,
    idOf: (path: string) => ids.get(path) ?? '',
    ...asking(apiKey),
  }
}

test('files are listed by path, page by page, and by the start of their path', async () => {
  const { list } = await anAccountWith('b', 'a/2', 'a/1', 'é', 'a-b')
  const paths = ({ body }: { body: Listed }) => body.files.map(({ path }) => path)
  expect(paths(await list())).toEqual(['a-b', 'a/1', 'a/2', 'b', 'é'])
  expect(paths(await list('prefix=a/'))).toEqual(['a/1', 'a/2'])

  const first = await list('limit=3')
  expect(paths(first)).toEqual(['a-b', 'a/1', 'a/2'])
  const second = await list(`limit=3&cursor=${first.body.cursor}`)
  expect(paths(second)).toEqual(['b', 'é'])
  expect(second.body.cursor).toBe(null)
})

test('with a delimiter, deeper folders are folded, each once, also across pages', async () => {
  const { list } = await anAccountWith('a', 'f/1', 'f/2', 'f/g/3', 'f0', 'h/x/y', 'f-1', '日本/語')
  const all = (await list('delimiter=/')).body
  expect(all.folders).toEqual(['f/', 'h/', '日本/'])
  expect(all.files.map(({ path }: { path: string }) => path)).toEqual(['a', 'f-1', 'f0'])
  const inside = (await list('delimiter=/&prefix=f/')).body
  expect([inside.files.map(({ path }: { path: string }) => path), inside.folders]).toEqual([
    ['f/1', 'f/2'],
    ['f/g/'],
  ])

  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Listed = (await list(`delimiter=/&limit=1${cursor && `&cursor=${cursor}`}`)).body
    seen.push(...page.files.map(({ path }) => path), ...page.folders)
    cursor = page.cursor
  }
  expect(seen).toEqual(['a', 'f-1', 'f/', 'f0', 'h/', '日本/'])
})

test('two files of one path in the trash are both listed, folded or not, page by page', async () => {
  const { apiKey, content, list, remove, idOf } = await anAccountWith('a')
  await remove(idOf('a'))
  const again = await uploadWhole(apiKey, content, 'a')
  await remove(again)

  const ids = [idOf('a'), again].sort()
  const idsOf = ({ body }: { body: { files: { fileId: string }[] } }) =>
    body.files.map(({ fileId }) => fileId)
  for (const query of ['trashed=true', 'trashed=true&delimiter=/']) {
    expect(idsOf(await list(query))).toEqual(ids)
    const first = await list(`${query}&limit=1`)
    const second = await list(`${query}&limit=1&cursor=${first.body.cursor}`)
    expect([...idsOf(first), ...idsOf(second)]).toEqual(ids)
  }
})

test('a file is renamed, onto a free path only', async () => {
  const { idOf, read, change } = await anAccountWith('a', 'b')
  expect((await change({ fileId: idOf('a'), path: 'c/d' })).body).toMatchObject({
    path: 'c/d',
    fileName: 'd',
  })
  expect((await read(idOf('a'))).body).toMatchObject({
    path: 'c/d',
    fileSize: 100,
    verified: true,
    trashedAt: null,
  })
  expect(await change({ fileId: idOf('a'), path: 'b' })).toMatchObject({
    status: 409,
    body: { type: '/errors/path-taken' },
  })
  expect((await change({ fileId: idOf('a'), path: '../x' })).status).toBe(400)
  expect((await change({ fileId: idOf('a') })).status).toBe(400)
})

test('of many renames onto one path at once, one wins', async () => {
  const { idOf, change } = await anAccountWith('a', 'b', 'c', 'd')
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((path) => change({ fileId: idOf(path), path: 'z' })),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
})

test('the trash counts, gives back, and refuses to restore onto an occupied path', async () => {
  const { accountId, apiKey, content, idOf, list, remove, change } = await anAccountWith('a')
  expect((await remove(idOf('a'))).body.trashedAt).toEqual(expect.any(String))
  expect(await usageOf(accountId)).toEqual({ used: 100, reserved: 0 })
  expect((await list()).body.files).toEqual([])
  expect((await list('trashed=true')).body.files).toHaveLength(1)
  expect((await change({ fileId: idOf('a'), path: 'b' })).status).toBe(404)

  await uploadWhole(apiKey, content, 'a')
  expect((await change({ fileId: idOf('a'), trashed: false })).body.type).toBe('/errors/path-taken')
  expect((await change({ fileId: idOf('a'), trashed: false, path: 'b' })).body).toMatchObject({
    path: 'b',
    trashedAt: null,
  })
  expect(await usageOf(accountId)).toEqual({ used: 200, reserved: 0 })
})

test('deleting for good frees the quota once; clones stay, and the content can be cloned again', async () => {
  const { apiKey, accountId, content, idOf, read, remove } = await anAccountWith('a', 'b')
  const answers = await Promise.all([1, 2, 3].map(() => remove(idOf('a'), 'permanent=true')))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404])
  expect(await usageOf(accountId)).toEqual({ used: 100, reserved: 0 })
  expect((await read(idOf('b'))).status).toBe(200)

  await remove(idOf('b'), 'permanent=true')
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
  const again = await uploader(apiKey).start([content, { path: 'c' }])
  expect(again.body.results[0].status).toBe('stored')
})

test("somebody else's file is like none at all", async () => {
  const ada = await anAccountWith('a')
  const bob = asking((await anAccount()).apiKey)
  for (const ask of [bob.read, bob.remove, (fileId: string) => bob.change({ fileId, path: 'x' })]) {
    const [theirs, nobodys] = [await ask(ada.idOf('a')), await ask(randomUUID())]
    expect([theirs.status, nobodys.status]).toEqual([404, 404])
    expect({ ...theirs.body, requestId: '' }).toEqual({ ...nobodys.body, requestId: '' })
  }
  expect((await ada.read(ada.idOf('a'))).status).toBe(200)
})

test('a call needs a key and a query that makes sense', async () => {
  const { list, read } = await anAccountWith('a')
  expect((await call(GET, 'GET', PATH)).status).toBe(401)
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=x',
    'cursor=bm90',
    'delimiter=-',
    'trashed=maybe',
    'prefix=%00',
  ]) {
    expect({ query, status: (await list(query)).status }).toEqual({ query, status: 400 })
  }
  expect((await read('no-uuid')).status).toBe(400)
  for (const key of [['a', 'x'], ['', ''], ['a\0', randomUUID()], ['a'], { length: 2 }, null]) {
    const cursor = Buffer.from(JSON.stringify(key)).toString('base64url')
    expect({ key, status: (await list(`cursor=${cursor}`)).status }).toEqual({ key, status: 400 })
  }
})

test('an id in capitals names the same file', async () => {
  const { idOf, read } = await anAccountWith('a')
  expect((await read(idOf('a').toUpperCase())).body.fileId).toBe(idOf('a'))
})

test('a refusal says which rule was broken', async () => {
  const { list } = await anAccountWith('a')
  const details = async (query: string) => (await list(query)).body.detail
  expect(await details('limit=1001')).toBe('/limit: Too big: expected number to be <=1000')
  expect(await details('limit=x')).toBe('/limit: Invalid input: expected number, received NaN')
  expect(await details('delimiter=-')).toBe('/delimiter: Invalid input: expected "/"')
})
