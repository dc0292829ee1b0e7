import { expect, test } from 'vitest'
import { aDeclared, MIB } from '../lib/sessions/tracking.ts'
import { anAccount } from '../local/account.ts'
import { aContent } from '../local/content.ts'
import { sayManifest } from '../local/delta.ts'
import { uploader, uploadWhole, usageOf } from '../local/uploading.ts'

const QUOTA = 2048 * MIB

test('of 20 uploads of 590 MiB that race for 2 GiB, three are let in, and the others are told what is missing', async () => {
  const { apiKey, accountId } = await anAccount({ tier: 'starter' })
  const { start, abort } = uploader(apiKey)
  const contents = await Promise.all(Array.from({ length: 20 }, () => aDeclared(590 * MIB)))
  const answers = await Promise.all(contents.map((one, n) => start([one, { path: `${n}` }])))

  const opened = answers.filter(({ status }) => status === 200)
  expect(opened).toHaveLength(3)
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 3 * 590 * MIB })
  const refused = answers.filter(({ status }) => status !== 200)
  for (const { status, body } of refused) {
    expect(status).toBe(403)
    expect(body).toMatchObject({
      type: '/errors/quota-exceeded',
      quota: { quotaBytes: QUOTA, usedBytes: 0, neededBytes: 590 * MIB },
    })
  }

  await Promise.all(opened.map(({ body }) => abort(body.results[0].uploadId)))
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})

test('a batch, a resume and a clone race for the last bytes, and what is let in fits', async () => {
  for (let n = 0; n < 5; n++) {
    const { apiKey, accountId } = await anAccount({ bytesLeft: 10_000 })
    const { used: before } = await usageOf(accountId)
    const stored = await aContent(3000)
    await uploadWhole(apiKey, stored, 'stored')
    const { start } = uploader(apiKey)
    const [small, large] = [await aContent(2000), await aContent(4000)]
    const answers = await Promise.all([
      start([small, { path: 'a' }], [large, { path: 'b' }]),
      start([small, { path: 'a' }], [large, { path: 'c' }]),
      start([stored, { path: 'clone' }]),
      start([large, { path: 'b' }], [stored, { path: 'another' }]),
    ])
    expect(answers.filter(({ status }) => ![200, 403].includes(status))).toEqual([])
    const { used, reserved } = await usageOf(accountId)
    expect(used - before + reserved).toBeLessThanOrEqual(10_000)
    expect((used - before) % 3000).toBe(0)
  }
})

test('manifests of uploads that race for the last bytes fit with their files, or are left out', async () => {
  const manifest = sayManifest(Buffer.alloc(4_000))
  const files = 4
  for (const spare of [0, 3_999, 4_000, 9_000, 16_000]) {
    const bytesLeft = files * 6 * MIB + spare
    const { apiKey, accountId } = await anAccount({ bytesLeft })
    const { start, abort } = uploader(apiKey)
    const contents = await Promise.all(Array.from({ length: files }, () => aDeclared(6 * MIB)))
    const answers = await Promise.all(
      contents.map((one, n) => start([one, { path: `${n}`, manifest }])),
    )
    // Who comes first may take for a manifest what the last file then misses; in one call none does.
    const opened = answers.flatMap(({ status, body }) => (status === 200 ? body.results : []))
    const kept = opened.filter((one: { manifest: object | null }) => one.manifest !== null).length
    const { reserved } = await usageOf(accountId)
    expect(reserved).toBe(opened.length * 6 * MIB + kept * 4_000)
    expect(reserved).toBeLessThanOrEqual(bytesLeft)

    await Promise.all(opened.map((one: { uploadId: string }) => abort(one.uploadId)))
    expect((await usageOf(accountId)).reserved).toBe(reserved)
  }
})
