import '../../../local/global-scope.ts'
import { expect, test, vi } from 'vitest'

const MIB = 1024 * 1024

// A token of the time when the scope was global.
const { challengeOf } = await import('../../../../lib/possession/challenge.ts')
process.env.DEDUP_SCOPE = ''
vi.resetModules()
await import('../../../local/preload.ts')
const { anAccount } = await import('../../../local/account.ts')
const { aContent } = await import('../../../local/content.ts')
const { copier, opening } = await import('../../../local/proving.ts')
const { uploadWhole } = await import('../../../local/uploading.ts')

test('by default nobody is challenged, and nothing is copied across accounts, whatever is proven', {
  timeout: 30_000,
}, async () => {
  const [ada, bob] = [await anAccount(), await anAccount()]
  const content = await aContent(2 * MIB)
  await uploadWhole(ada.apiKey, content, 'a')
  const opened = await opening(bob.apiKey, content)
  expect(opened).toMatchObject({ status: 'open', challenge: null })

  const { uploadId: id } = opened
  const upload = { ...content, id, accountId: bob.accountId, checksum: 'sha256' as const }
  const challenge = challengeOf(upload, { copyDigest: true })
  if (!challenge) throw new Error('no challenge')
  expect(await copier(bob.apiKey).prove({ uploadId: id, challenge }, content.bytes)).toMatchObject({
    status: 403,
    body: { type: '/errors/proof-refused' },
  })
})
