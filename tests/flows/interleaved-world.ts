import { POST as upgrade } from '../../api/agentcache/upgrade.ts'
import { GET as cronSweep } from '../../api/cron/sweep.ts'
import { POST as checkDuplicate } from '../../api/jetty/check-duplicate.ts'
import { GET as download } from '../../api/storage/download.ts'
import { DELETE, GET, PATCH } from '../../api/storage/files.ts'
import { withAccountLocked } from '../../lib/db/client.ts'
import { sql } from '../../lib/vendor/orm.js'
import { anAccount } from '../local/account.ts'
import { aContent, contentOfBytes, type TestContent } from '../local/content.ts'
import { copy, sayManifest, sendManifest } from '../local/delta.ts'
import { type Answer, call } from '../local/request.ts'
import { sendParts, startOf, uploader, type Wanted } from '../local/uploading.ts'
import { send } from '../local/webhook.ts'
import { type AGES, SIZES, type Step } from './interleaved-steps.ts'

// biome-ignore lint/suspicious/noExplicitAny: results of starts, as the wire has them
type Known = { result: any; content: TestContent }

/** Made once: every account has its own blobs, whatever the others have. */
const contents = await Promise.all(SIZES.map(aContent))
const [large, larger] = contents.slice(-2)
// A changed version of the other: the same but for its last bytes.
if (large && larger)
  contents.splice(
    -1,
    1,
    await contentOfBytes(Buffer.concat([large.bytes, larger.bytes.subarray(-1)])),
  )
/** What clients that chunk say of a content; nobody looks into it. */
const manifestOf = ({ fileHash }: TestContent) => Buffer.from(`the manifest of ${fileHash}`)
const SKETCH = { distinctBytes: 0, bins: Buffer.alloc(512, 3).toString('base64') }
const contentAt = (index: number) => contents[index] ?? unreachable()
const byHash = new Map(contents.map((content) => [content.fileHash, content]))

const DUE = {
  uploads: sql`UPDATE uploads SET expires_at = now() - interval '1 second' WHERE state = 'open' AND account_id =`,
  urls: sql`UPDATE uploads SET urls_expire_at = now() - interval '1 second',
    manifest_url_expires_at = manifest_url_expires_at - interval '1 hour' WHERE state = 'aborting' AND account_id =`,
  // As if a function had died with them in hand.
  completions: sql`UPDATE uploads SET state = 'completing', completing_since = now() - interval '80 seconds'
    WHERE state IN ('open', 'completing') AND account_id =`,
  trash: sql`UPDATE agentcache_assets SET trashed_at = trashed_at - interval '31 days' WHERE account_id =`,
  blobs: sql`UPDATE file_hashes SET last_referenced_at = now() - interval '49 hours' WHERE account_id =`,
  usage: sql`UPDATE agentcache_accounts SET reconciled_at = now() - interval '25 hours' WHERE id =`,
  orphans: sql`UPDATE uploads SET updated_at = now() - interval '6 minutes', urls_expire_at = now() - interval '1 second'
    WHERE state IN ('done', 'aborted') AND account_id =`,
} satisfies Record<(typeof AGES)[number], unknown>

/** Lets one kind of thing of an account be due. */
export async function letAge(accountId: string, what: (typeof AGES)[number]): Promise<void> {
  await withAccountLocked(accountId, [sql`${DUE[what]} ${accountId}`])
}

/** Runs the sweep as a scheduler does. */
export async function sweep(): Promise<Answer> {
  const headers = { authorization: `Bearer ${process.env.CRON_SECRET}` }
  return await call(cronSweep, 'GET', '/api/cron/sweep', { headers })
}

/**
 * One account's clients at work; what they know of uploads and files is shared, as several devices would. `kept` are the
 * files that were answered as stored and that nobody deleted since, or that were restored.
 */
export async function aClient() {
  const { apiKey, accountId, userId } = await anAccount({ tier: 'pro' })
  const { start, sign, complete, abort } = uploader(apiKey)
  const uploads: Known[] = []
  const files = new Map<string, 'kept' | 'maybe'>()
  /** Of this round: files that were asked to be deleted, those stored or restored, and tiers that were asked for. */
  const round = { deleted: new Set<string>(), kept: new Set<string>(), tiers: new Set<string>() }
  const newest = <T>(known: T[], index: number) => known[known.length - 1 - (index % known.length)]
  const fileAt = (index: number) => newest([...files.keys()], index)
  const ask = (handler: typeof GET, method: string, search: string) =>
    call(handler, method, `/api/storage/files${search}`, { as: apiKey })
  const change = (body: object) => call(PATCH, 'PATCH', '/api/storage/files', { as: apiKey, body })

  /** The first answer that names a file counts: an upload answers with its file even when that was deleted since. */
  const stored = (fileId: string | undefined) => {
    if (!fileId || files.has(fileId)) return
    files.set(fileId, 'maybe')
    round.kept.add(fileId)
  }

  async function startAll(
    wanted: { content: number; path: string; ifNew: boolean; described: boolean }[],
  ) {
    const asked = wanted.map(({ content: index, described, ...one }): [TestContent, Wanted] => {
      const content = contentAt(index)
      const said = { manifest: sayManifest(manifestOf(content)), sketch: SKETCH }
      return [content, described ? { ...one, ...said } : one]
    })
    const answer = await start(...asked)
    for (const [n, result] of (answer.body.results ?? []).entries()) {
      if (result.status === 'open')
        uploads.push({ result, content: asked[n]?.[0] ?? unreachable() })
      if (result.status === 'stored') stored(result.fileId)
    }
    return answer
  }

  async function completeAll(ids: string[]) {
    const answer = await complete(...new Set(ids))
    for (const result of answer.body.results ?? [])
      for (const { fileId } of result.files ?? []) stored(fileId)
    return answer
  }

  /** All that is signed; a hedged part is sent twice at once, as over two paths. */
  async function sendAll({ result, content }: Known, times: number) {
    if (result.manifest) await sendManifest(result.manifest, manifestOf(content))
    if (!result.signed) return
    await Promise.all(Array.from({ length: times }, () => sendParts(result, content)))
  }

  async function perform(one: Step): Promise<Answer | undefined> {
    switch (one.do) {
      case 'start':
        return await startAll(one.files)
      case 'upload': {
        const answer = await startAll([one.file])
        const opened = uploads.find(({ result }) => result === answer.body.results?.[0])
        if (!opened) return answer
        await sendAll(opened, 1)
        return await completeAll([opened.result.uploadId])
      }
      case 'clone': {
        const { content, described: _, ...place } = one.file
        const { path, ifNew, fileHash, fileSize } = startOf(contentAt(content), place)
        const body = { path, ifNew, fileHash, fileSize }
        const answer = await call(checkDuplicate, 'POST', '/api/jetty/check-duplicate', {
          as: apiKey,
          body,
        })
        stored(answer.body.file?.fileId)
        return answer
      }
      case 'tier':
        round.tiers.add(one.tier)
        return await send(upgrade, '/api/agentcache/upgrade', {
          agentcache_user_id: userId,
          tier: one.tier,
        })
      case 'sweep':
        for (const what of one.due) await letAge(accountId, what)
        return await sweep()
      case 'contend':
        return await contend(one)
      case 'delta':
        return await changeLarge(one.path)
      case 'delete':
      case 'restore':
      case 'rename':
        return await changeFile(one)
      default:
        return await workAt(one)
    }
  }

  async function changeFile(one: Extract<Step, { do: 'delete' | 'restore' | 'rename' }>) {
    const fileId = fileAt(one.which)
    if (fileId === undefined) return
    if (one.do === 'delete') {
      round.deleted.add(fileId)
      return await ask(DELETE, 'DELETE', `?fileId=${fileId}&permanent=${one.permanent}`)
    }
    if (one.do === 'rename') return await change({ fileId, path: one.path })
    const answer = await change({ fileId, trashed: false, path: one.path })
    if (answer.status === 200) round.kept.add(fileId)
    return answer
  }

  /** The last file of a blob goes, and its grace period; then its content is wanted again just when the sweep comes. */
  async function contend({ which, path }: Extract<Step, { do: 'contend' }>) {
    const fileId = fileAt(which)
    if (fileId === undefined) return
    const { fileHash } = (await ask(GET, 'GET', `?fileId=${fileId}`)).body
    const content = contents.findIndex((one) => one.fileHash === fileHash)
    if (content === -1) return
    round.deleted.add(fileId)
    await ask(DELETE, 'DELETE', `?fileId=${fileId}&permanent=true`)
    await letAge(accountId, 'blobs')
    const [swept] = await Promise.all([
      sweep(),
      startAll([{ content, path, ifNew: false, described: true }]),
    ])
    return swept
  }

  /** A completion that takes so long that another call takes it for dead, and takes it over. */
  async function overtake(known: Known) {
    await sendAll(known, 1)
    const { uploadId } = known.result
    const slow = completeAll([uploadId])
    await letAge(accountId, 'completions')
    const [answer] = await Promise.all([completeAll([uploadId]), slow])
    return answer
  }

  /** A large file and a changed version of it, of whose parts some are copied, one is guessed wrong, and one is sent. */
  async function changeLarge(path: string) {
    const place = { path, ifNew: false, described: true }
    const open = async (content: number) => {
      const answer = await startAll([{ content, ...place }])
      const known = uploads.find(({ result }) => result === answer.body.results?.[0])
      return { answer, known }
    }
    const former = await open(SIZES.length - 2)
    if (former.known) {
      await sendAll(former.known, 1)
      await completeAll([former.known.result.uploadId])
    }
    const { answer, known } = await open(SIZES.length - 1)
    if (!known?.result.base) return answer
    const { uploadId, base } = known.result
    const parts = [
      [1, 2, 0],
      [3, 3, 0],
    ]
    const copied = await copy(apiKey, { uploadId, fileId: base.fileId, parts })
    if (copied.status !== 200) return copied
    await completeAll([uploadId])
    await sendParts(known.result, known.content, [3, 4])
    return await completeAll([uploadId])
  }

  async function workAt(
    one: Extract<Step, { do: 'sign' | 'send' | 'hedge' | 'complete' | 'abort' | 'overtake' }>,
  ) {
    const known = newest(uploads, one.which)
    if (!known) return
    const { uploadId } = known.result
    if (one.do === 'abort') return await abort(uploadId)
    if (one.do === 'overtake') return await overtake(known)
    if (one.do === 'complete') {
      const others = Array.from({ length: one.count }, (_, n) => newest(uploads, one.which + n))
      return await completeAll(others.map((other) => other?.result.uploadId ?? uploadId))
    }
    if (one.do !== 'sign') return void (await sendAll(known, one.do === 'hedge' ? 2 : 1))
    const answer = await sign([{ uploadId }])
    const signed = answer.body.results?.[0]?.signed
    if (signed) known.result.signed = signed
    return answer
  }

  /** Closes a round: a file that was deleted in it may be gone, whatever else was done to it at the same time. */
  function closeRound() {
    for (const fileId of round.kept) files.set(fileId, 'kept')
    for (const fileId of round.deleted) files.set(fileId, 'maybe')
    const tiers = [...round.tiers]
    for (const noted of Object.values(round)) noted.clear()
    return { tiers }
  }

  /** Every file that must be there, and what its bytes are: those that a client was told of, and those that are listed. */
  async function lostFiles(): Promise<string[]> {
    const live = (await ask(GET, 'GET', '')).body.files
    const ids: string[] = live.map((one: { fileId: string }) => one.fileId)
    const missing = [...files].flatMap(([fileId, state]) =>
      state === 'kept' && !ids.includes(fileId) ? [`${fileId} is not listed`] : [],
    )
    const wrong = await Promise.all(
      live.map(async ({ fileId, fileHash, path }: Record<string, string>) =>
        (await hasBytes(String(fileId), String(fileHash))) ? [] : [`${path} has other bytes`],
      ),
    )
    return [...missing, ...wrong.flat()]
  }

  async function hasBytes(fileId: string, fileHash: string): Promise<boolean> {
    const headers = { accept: 'application/json' }
    const granted = await call(download, 'GET', `/api/storage/download?fileId=${fileId}`, {
      as: apiKey,
      headers,
    })
    const answer = await fetch(granted.body.url)
    const bytes = Buffer.from(await answer.arrayBuffer())
    return answer.status === 200 && byHash.get(fileHash)?.bytes.equals(bytes) === true
  }

  return { accountId, apiKey, perform, closeRound, lostFiles }
}

function unreachable(): never {
  throw new Error('no such content')
}
