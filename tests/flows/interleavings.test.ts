import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DELETE, GET, PATCH } from '../../api/storage/files.ts'
import { query } from '../../lib/db/client.ts'
import { sql } from '../../lib/vendor/orm.js'
import { anAccount } from '../local/account.ts'
import { aContent, type TestContent } from '../local/content.ts'
import { call } from '../local/request.ts'
import { sendParts, uploader, usageOf } from '../local/uploading.ts'

const RUNS = Number(process.env.JETTY_SOAK_RUNS ?? 12)
const PATHS = ['a', 'b', 'c/d']
const SIZES = [0, 700, 5000, 17 * 1024 * 1024]

const content = fc.nat(SIZES.length - 1)
const path = fc.constantFrom(...PATHS)
const which = fc.nat(5)
const step = fc.oneof(
  fc.record({ do: fc.constant('start' as const), content, path, ifNew: fc.boolean() }),
  fc.record({ do: fc.constant('send' as const), which }),
  fc.record({ do: fc.constant('complete' as const), which }),
  fc.record({ do: fc.constant('abort' as const), which }),
  fc.record({ do: fc.constant('delete' as const), which, permanent: fc.boolean() }),
  fc.record({ do: fc.constant('restore' as const), which, path }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** One account's clients at work; what they know of uploads is shared, as several devices would. */
async function aWorld() {
  const { apiKey, accountId } = await anAccount({ bytesLeft: 60 * 1024 * 1024 })
  const before = (await usageOf(accountId)).used
  const contents = await Promise.all(SIZES.map(aContent))
  const { start, complete, abort } = uploader(apiKey)
  // biome-ignore lint/suspicious/noExplicitAny: results of starts, as the wire has them
  const known: { result: any; content: TestContent }[] = []
  const upload = (index: number) => known[index % Math.max(1, known.length)]
  const file = async (index: number) => {
    const live = (await call(GET, 'GET', '/api/storage/files', { as: apiKey })).body.files
    const trashed = (await call(GET, 'GET', '/api/storage/files?trashed=true', { as: apiKey })).body
      .files
    return [...live, ...trashed][index % Math.max(1, live.length + trashed.length)]?.fileId
  }

  async function perform(one: Step): Promise<number> {
    if (one.do === 'start') {
      const wanted = contents[one.content] ?? (await aContent(1))
      const { status, body } = await start([wanted, { path: one.path, ifNew: one.ifNew }])
      const result = body.results?.[0]
      if (result?.status === 'open') known.push({ result, content: wanted })
      return status
    }
    if (one.do === 'delete' || one.do === 'restore') {
      const fileId = await file(one.which)
      if (!fileId) return 200
      if (one.do === 'delete') {
        const search = `fileId=${fileId}&permanent=${one.permanent}`
        return (await call(DELETE, 'DELETE', `/api/storage/files?${search}`, { as: apiKey })).status
      }
      const body = { fileId, trashed: false, path: one.path }
      return (await call(PATCH, 'PATCH', '/api/storage/files', { as: apiKey, body })).status
    }
    const target = upload(one.which)
    if (!target) return 200
    if (one.do === 'send') {
      if (target.result.signed) await sendParts(target.result, target.content)
      return 200
    }
    return (await (one.do === 'complete' ? complete : abort)(target.result.uploadId)).status
  }
  return { accountId, before, perform }
}

async function truthOf(accountId: string) {
  const [row] = await query(sql`
    SELECT
      (SELECT coalesce(sum(size_bytes), 0) FROM agentcache_assets WHERE account_id = ${accountId}) AS used,
      (SELECT coalesce(sum(u.file_size), 0) FROM uploads u JOIN upload_targets t ON t.upload_id = u.id
       WHERE u.account_id = ${accountId} AND u.state IN ('open', 'completing', 'aborting')) AS reserved,
      (SELECT count(*) FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
       WHERE f.account_id = ${accountId} AND (f.size_bytes <> b.file_size OR b.state <> 'live')) AS broken`)
  return { used: Number(row?.used), reserved: Number(row?.reserved), broken: Number(row?.broken) }
}

test('whatever clients do at the same time, used is the size of the files and reserved that of the open targets', {
  timeout: 30_000 + RUNS * 5_000,
}, async () => {
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), {
    minLength: 3,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(rounds, async (program) => {
      const { accountId, before, perform } = await aWorld()
      for (const round of program) {
        const statuses = await Promise.all(round.map(perform))
        expect(statuses.filter((status) => status >= 500)).toEqual([])
        const { used, reserved } = await usageOf(accountId)
        expect({ used: used - before, reserved, broken: 0 }).toEqual(await truthOf(accountId))
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
})
