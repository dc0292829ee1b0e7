import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, type Started, UPLOAD_KNOWN_MS } from './accounts.ts'
import { ask, type Client } from './client.ts'
import { type Content, partBytes } from './contents.ts'
import type { Answer } from './http.ts'
import { runJob } from './operator.ts'

const PATH = '/api/storage/upload'
const SHARED = 'shared/'
const SHARED_PATHS = 30
const SEND_TRIES_MAX = 3
/** The run ages what nothing has pointed at for 20 s. */
const BURIED_MS = 23_000
/** About as long as a sweep takes. */
const REVIVED_WITHIN_MS = 1_200

type Sending = 'once' | 'hedged' | 'wrong' | 'abandoned'

/** Starts one file or several, and mostly goes on with them at once; else somebody of the account does, or nobody. */
export async function start(client: Client): Promise<void> {
  const { account, random } = client
  const count = random.chance(0.7) ? 1 : 2 + random.below(8)
  const paths = new Set(Array.from({ length: count }, () => aPath(client)))
  const files = await Promise.all(
    [...paths].map(async (path) => ({ path, content: await aContent(client) })),
  )
  const opened = await open(client, files, random.chance(0.15))
  if (opened.length === 0 || random.chance(0.35)) return

  await Promise.all(opened.map((one) => send(client, one)))
  await complete(
    client,
    opened.map(({ result }) => result.uploadId),
  )
  prune(account)
}

/** Sends the parts of an upload that somebody of the account opened. */
export async function sendSome(client: Client): Promise<void> {
  const one = anUpload(client)
  if (one) await send(client, one)
}

/** Asks for the signatures of what misses, and sends it. */
export async function resign(client: Client): Promise<void> {
  const { account } = client
  const one = anUpload(client)
  if (!one) return
  const { uploadId } = one.result
  const answer = await ask(client, 'PATCH', PATH, {
    body: { uploads: [{ uploadId }] },
    allowed: ['upload-closed'],
  })
  const signed = answer.body?.results?.[0]?.signed
  if (answer.status === 409) account.uploads.delete(uploadId)
  if (signed) await send(client, { ...one, result: { ...one.result, signed } })
}

/** Completes some of the account's uploads, sent or not. */
export async function completeSome(client: Client): Promise<void> {
  const { random } = client
  const count = random.chance(0.6) ? 1 : 2 + random.below(6)
  const wanted = Array.from({ length: count }, () => anUpload(client)?.result.uploadId)
  const uploadIds = [...new Set(wanted.filter((one) => one !== undefined))]
  if (uploadIds.length > 0) await complete(client, uploadIds)
}

export async function abort(client: Client): Promise<void> {
  const uploadId = anUpload(client)?.result.uploadId
  if (uploadId !== undefined) await abortOne(client, uploadId)
}

async function abortOne(client: Client, uploadId: string): Promise<void> {
  const { account } = client
  const { status } = await ask(client, 'DELETE', `${PATH}?uploadId=${uploadId}`, {
    allowed: ['upload-closed'],
  })
  if (status < 500 && status !== 0) account.uploads.delete(uploadId)
}

export async function look(client: Client): Promise<void> {
  const uploadId = client.random.chance(0.6) && anUpload(client)?.result.uploadId
  await ask(client, 'GET', uploadId ? `${PATH}?uploadId=${uploadId}` : `${PATH}?limit=20`)
}

/** Several of the same thing at the same moment: nothing is charged, released or ended twice, and no quota is passed. */
export async function stampede(client: Client): Promise<void> {
  const { random, library } = client
  const path = aPath(client)
  const kind = random.weighted([
    ['same start', 3],
    ['full', 2],
    ['same upload', 4],
  ])
  if (kind === 'same start') {
    const content = random.chance(0.3) ? library.large(random) : await library.fresh(random)
    const opened = await times(4, () => open(client, [{ path, content }], random.chance(0.3)))
    const [first] = opened.flat()
    if (first) await send(client, first)
  }
  if (kind === 'full') {
    await times(6, async (n) => {
      const files = [{ path: `${path}/${n}`, content: await library.big(random) }]
      await open(client, files, false)
    })
  }
  const one = anUpload(client)
  if (kind !== 'same upload' || !one) return
  const { uploadId } = one.result
  if (random.chance(0.8)) await send(client, one)
  await Promise.all([
    ...[1, 2, 3].map(() => complete(client, [uploadId])),
    ...(random.chance(0.3) ? [abortOne(client, uploadId)] : []),
  ])
}

/** Writes a content to the client's own path, whole, a new one unless given, and remembers what it was told of it. */
export async function writeOwn(client: Client, given?: Content): Promise<void> {
  const { own, library, random } = client
  const content = given ?? (await library.fresh(random))
  const { fileHash } = content
  const noteStored = () => {
    own.known = fileHash
    own.possible.delete(fileHash)
  }
  // Until somebody says otherwise, it may be stored.
  own.possible.add(fileHash)
  const [opened] = await open(client, [{ path: own.path, content }], false, ({ status, body }) => {
    if (status >= 400 && status < 500) own.possible.delete(fileHash)
    if (body?.results?.[0]?.status === 'stored') noteStored()
  })
  if (!opened) return
  await send(client, opened, 'once')
  const answer = await complete(client, [opened.result.uploadId])
  if (answer.body?.results?.[0]?.status === 'stored') noteStored()
}

/**
 * Stores a content, ends its file, and much later, when the sweeper may be about to remove its bytes, asks for it again: a
 * clone either saves them or has to be sent anew.
 */
export async function revive(client: Client): Promise<void> {
  const { scene, random } = client
  const { buried } = client.account
  const [oldest] = buried
  if (!oldest || oldest.at > performance.now() - BURIED_MS) return await bury(client)
  buried.shift()
  await Promise.all([
    runJob(scene, 'sweep'),
    sleep(random.below(REVIVED_WITHIN_MS)).then(() => writeOwn(client, oldest.content)),
  ])
}

async function bury(client: Client): Promise<void> {
  const { library, random, account } = client
  const content = await library.fresh(random)
  const [opened] = await open(client, [{ path: `${client.own.path}/buried`, content }], false)
  if (!opened) return
  await send(client, opened, 'once')
  const answer = await complete(client, [opened.result.uploadId])
  const fileId = answer.body?.results?.[0]?.files?.[0]?.fileId
  if (!fileId) return
  const path = `/api/storage/files?fileId=${fileId}&permanent=true`
  const { status } = await ask(client, 'DELETE', path)
  if (status === 200) account.buried.push({ content, at: performance.now() })
}

type Wanted = { path: string; content: Content }

// biome-ignore lint/complexity/useMaxParams: what is started, how, and who wants to see the answer
async function open(
  client: Client,
  files: Wanted[],
  ifNew: boolean,
  see: (answer: Answer) => void = () => {},
): Promise<Started[]> {
  const { account } = client
  const answer = await ask(client, 'POST', PATH, {
    body: {
      files: files.map(({ path, content: { fileSize, fileHash, partHashes } }) => {
        return { path, fileSize, fileHash, partHashes, ifNew }
      }),
    },
    allowed: ['quota-exceeded', 'path-taken', 'too-large', 'upload-closed'],
  })
  see(answer)
  const knownAt = performance.now()
  const results: Answer['body'][] = answer.body?.results ?? []
  return results.flatMap((result, index) => {
    const { content, path } = files[index] ?? {}
    if (!content || !path) return []
    if (result.status === 'stored' && isShared(path)) account.files.set(result.fileId, result)
    if (result.status !== 'open') return []
    const started = { result, content, path, knownAt }
    if (isShared(path)) account.uploads.set(result.uploadId, started)
    return [started]
  })
}

/** Sends what is signed of an upload: as it should be, twice at once, with wrong bytes, or half. */
async function send(client: Client, one: Started, how = aSending(client)): Promise<void> {
  const numbers = Object.keys(one.result.signed?.signatures ?? {}).map(Number)
  await Promise.all(
    numbers.map(async (partNumber) => {
      if (how === 'hedged')
        return await Promise.all([put(client, one, partNumber), put(client, one, partNumber)])
      if (how === 'abandoned') return await put(client, one, partNumber, how)
      if (how === 'wrong') await put(client, one, partNumber, how)
      return await put(client, one, partNumber)
    }),
  )
}

// biome-ignore lint/complexity/useMaxParams: which part of what, and how
async function put(
  client: Client,
  { result, content }: Started,
  partNumber: number,
  how: Sending = 'once',
): Promise<void> {
  const { sender, ledger } = client.scene
  const { url, headers, signatures } = result.signed
  const good = partBytes(content, partNumber)
  const isWrong = how === 'wrong' && good.length > 0
  for (let attempt = 1; attempt <= SEND_TRIES_MAX; attempt++) {
    const { status, bytes } = await sender.send({
      name: isWrong ? 'store PUT, wrong bytes' : 'store PUT',
      method: 'PUT',
      url: url
        .replace('{partNumber}', String(partNumber))
        .replace('{signature}', signatures[partNumber]),
      headers: { ...headers, 'x-amz-checksum-sha256': content.partHashes[partNumber - 1] ?? '' },
      body: isWrong ? randomBytes(good.length) : good,
      isAbandoned: how === 'abandoned',
      // 404: the upload has ended meanwhile.
      allowed: isWrong ? ['400', '404'] : ['404'],
    })
    if (isWrong && status === 200) ledger.object(`the store took wrong bytes: ${bytes}`)
    if (how === 'abandoned' || (status !== 0 && status < 500)) return
  }
}

async function complete(client: Client, uploadIds: string[]): Promise<Answer> {
  const { account } = client
  const answer = await ask(client, 'PUT', PATH, {
    body: { uploads: uploadIds.map((uploadId) => ({ uploadId })) },
    allowed: ['parts-missing', 'upload-closed', 'path-taken'],
  })
  if (answer.status === 409 && answer.slugs.includes('upload-closed'))
    for (const uploadId of uploadIds) account.uploads.delete(uploadId)
  for (const result of answer.body?.results ?? []) {
    if (result.status !== 'stored') continue
    account.uploads.delete(result.uploadId)
    for (const file of result.files) {
      if (file.fileId && isShared(file.path)) account.files.set(file.fileId, { ...result, ...file })
    }
  }
  return answer
}

async function times<T>(count: number, act: (n: number) => Promise<T>): Promise<T[]> {
  return await Promise.all(Array.from({ length: count }, (_, n) => act(n)))
}

function anUpload({ account, random }: Client): Started | undefined {
  prune(account)
  return random.pick([...account.uploads.values()])
}

/** Signatures are not used for long, so that the run may age what has been left alone for longer. */
function prune({ uploads }: Account): void {
  const oldest = performance.now() - UPLOAD_KNOWN_MS
  for (const [uploadId, { knownAt }] of uploads) if (knownAt < oldest) uploads.delete(uploadId)
}

async function aContent({ library, random }: Client): Promise<Content> {
  const kind = random.weighted([
    ['fresh', 60],
    ['shared', 36],
    ['large', 4],
  ])
  return kind === 'fresh' ? await library.fresh(random) : library[kind](random)
}

function aSending({ random }: Client): Sending {
  return random.weighted([
    ['once', 75],
    ['hedged', 10],
    ['wrong', 7],
    ['abandoned', 8],
  ])
}

/** A path of those that all clients of an account write to. */
export function aPath({ random }: Client): string {
  return `${SHARED}${random.below(SHARED_PATHS)}`
}

function isShared(path: string): boolean {
  return path.startsWith(SHARED)
}
