import '../../../local/global-scope.ts'
import { expect, test } from 'vitest'
import { anAccount } from '../../../local/account.ts'
import { aContent } from '../../../local/content.ts'
import { copier, opening } from '../../../local/proving.ts'
import { uploader, uploadWhole, usageOf } from '../../../local/uploading.ts'

const MIB = 1024 * 1024

test.each([
  ['one part', 3 * MIB, 1],
  ['several parts', 21 * MIB, 5],
])(
  'a content of %s that another account has is copied for a proof, and completes as if it had been sent',
  async (_, size, parts) => {
    const [ada, bob] = [await anAccount(), await anAccount()]
    const content = await aContent(size)
    await uploadWhole(ada.apiKey, content, 'a')

    const opened = await opening(bob.apiKey, content, { path: 'b' })
    const copied = await copier(bob.apiKey).prove(opened, content.bytes)
    expect(copied).toMatchObject({
      status: 200,
      body: { uploadId: opened.uploadId, copied: [[1, parts]], refused: [], left: [] },
    })
    const completed = await uploader(bob.apiKey).complete(opened.uploadId)
    expect(completed.body.results[0]).toMatchObject({
      status: 'stored',
      fileHash: content.fileHash,
      verified: true,
    })
    expect(await usageOf(bob.accountId)).toEqual({ used: size, reserved: 0 })
  },
)
