import type { Api } from '../../lib/client/api.ts'
import type { FileResult } from '../../lib/client/entry.ts'
import { manifestBytesMax } from '../../lib/content/manifest-format.ts'
import { apiOf, need } from './ask.ts'
import { expectThat } from './steps.ts'
import { endFile } from './take-away.ts'
import { type Content, isSame, newContent, uploadContents, waysOf } from './transfer.ts'
import type { Walker } from './walker.ts'

const KIB = 1024
const MIB = 1024 ** 2
/** Of one part each, an empty one among them. */
const SMALL_BYTES = [0, 1, 100 * KIB]
/** Four parts of 5 MiB, the last one shorter. */
const LARGE_BYTES = 17 * MIB
/** What its chunk manifest may be charged, until its bytes are removed, two days after the last file. */
const MANIFEST_BYTES_MAX = manifestBytesMax(LARGE_BYTES)
const QUOTA = '/api/agentcache/quota'

type Holder = Walker & { apiKey: string; api: Api }

/**
 * A new account's quota, uploads, clone, downloads, tier and deletions, each a step.
 *
 * @throws Error of the step that failed
 */
export async function useStorage(walker: Walker, apiKey: string): Promise<void> {
  const api = apiOf(walker.call, { url: walker.target.url, as: apiKey })
  const holder = { ...walker, apiKey, api }
  const small = SMALL_BYTES.map((size, n) => newContent(`smoke/small-${n}.bin`, size))
  const large = newContent('smoke/large.bin', LARGE_BYTES)
  const smallBytes = SMALL_BYTES.reduce((sum, size) => sum + size, 0)

  const manifests = MANIFEST_BYTES_MAX
  await quotaIs(holder, 'quota', { storage: 0, manifests: 0, bandwidth: 0 })
  const stored = [
    ...(await upload(holder, `upload ${small.length} small files`, small)),
    ...(await upload(holder, 'upload 17 MiB in 4 parts', [large])),
  ]
  const first = { storage: smallBytes + LARGE_BYTES, manifests, bandwidth: 0 }
  await quotaIs(holder, 'quota changed', first)
  await clone(holder, { ...large, path: 'smoke/clone.bin' })
  await download(holder, [...small, large], stored)
  const bandwidth = smallBytes + LARGE_BYTES
  const all = { storage: smallBytes + 2 * LARGE_BYTES, manifests, bandwidth }
  await quotaIs(holder, 'quota after downloads', all)
  await changeTier(holder)
  await holder.steps.run('delete for good', async () => {
    for (const fileId of holder.left.fileIds) await endFile(holder.call, apiKey, fileId)
    return [undefined, `${holder.left.fileIds.splice(0).length} files`]
  })
  await quotaIs(holder, 'quota given back', { ...all, storage: 0 })
}

async function quotaIs(
  { call, apiKey: as, steps, signal }: Holder,
  name: string,
  expected: { storage: number; manifests: number; bandwidth: number },
): Promise<void> {
  await steps.run(name, async () => {
    const { tier, storage, bandwidth } = await need(call('GET', QUOTA, { as, signal }), 'quota')
    const { usedBytes, reservedBytes, quotaBytes } = storage
    const beyond = usedBytes - expected.storage
    const isRight = beyond >= 0 && beyond <= expected.manifests
    expectThat(isRight, `${usedBytes} used, not ${expected.storage}`)
    expectThat(reservedBytes === 0, `${reservedBytes} bytes are still reserved`)
    const { usedBytes: moved } = bandwidth
    expectThat(moved === expected.bandwidth, `${moved} downloaded, not ${expected.bandwidth}`)
    return [undefined, `${tier}: ${usedBytes} of ${quotaBytes} bytes, ${moved} downloaded`]
  })
}

async function upload(holder: Holder, name: string, contents: Content[]): Promise<FileResult[]> {
  const { api, steps, signal, left } = holder
  return await steps.run(name, async () => {
    const before = api.calls()
    const results = await uploadContents(api, contents, signal)
    left.fileIds.push(...results.map(({ fileId }) => fileId))
    const ways = waysOf(results)
    return [results, `${api.calls() - before} calls${ways ? `; ${ways}` : ''}`]
  })
}

async function clone(holder: Holder, content: Content): Promise<void> {
  const { api, steps, signal, left } = holder
  await steps.run('upload again', async () => {
    const [result] = await uploadContents(api, [content], signal)
    if (result) left.fileIds.push(result.fileId)
    expectThat(result?.duplicate === true, 'it was not known')
    expectThat(result?.sentBytes === 0, `${result?.sentBytes} bytes were sent`)
    return [undefined, 'a clone: no bytes sent']
  })
}

async function download(
  { call, apiKey: as, steps, signal }: Holder,
  contents: Content[],
  stored: FileResult[],
): Promise<void> {
  await steps.run('download and compare', async () => {
    for (const content of contents) {
      const fileId = stored.find(({ path }) => path === content.path)?.fileId
      const path = `/api/storage/download?fileId=${fileId}`
      const { url } = await need(call('GET', path, { as, signal }), `download of ${content.path}`)
      expectThat(await isSame(url, content, signal), `${content.path} came back with other bytes`)
    }
    return [undefined, `${contents.length} files, the same bytes`]
  })
}

async function changeTier({ target, call, apiKey: as, steps, signal, userId }: Holder) {
  await steps.run('another tier', async () => {
    const { account } = await need(
      call('POST', '/api/webhooks/jettythunder/tier', {
        secret: target.internalSecret,
        body: { user_id: userId, tier: 'business' },
        signal,
      }),
      'tier',
    )
    const { tier, storage } = await need(call('GET', QUOTA, { as, signal }), 'quota')
    expectThat(tier === account.tier && tier === 'business', `the quota says tier ${tier}`)
    return [undefined, `${tier}, ${storage.quota_gb} GB, at once`]
  })
}
