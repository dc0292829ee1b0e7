import { expect, test } from 'vitest'
import { layoutOf } from '../../../lib/content/layout.ts'
import { digestsOf, newAnswerBudget, signWithin } from '../../../lib/uploads/sign.ts'
import type { Upload } from '../../../lib/uploads/upload.ts'
import { usableStore } from '../../../lib/uploads/usable-store.ts'

const MIB = 1024 * 1024

function anUpload(fileSize: number): Upload {
  const { partCount } = layoutOf(fileSize)
  const now = new Date().toISOString()
  return {
    id: 'u',
    accountId: 'a',
    fileHash: 'sha256:',
    fileSize,
    partCount,
    checksum: 'sha256',
    storageKey: 'users/u/k',
    s3UploadId: 'id',
    state: 'open',
    urlsExpireAt: now,
    manifestBytes: 0,
    manifestUrlExpiresAt: null,
    createdAt: now,
    expiresAt: now,
  }
}

test('one answer never holds more signatures than the platform lets through', async () => {
  const store = await usableStore()
  const upload = anUpload(625 * 1024 * MIB)
  const digests = digestsOf(
    Buffer.alloc(32 * 10_000),
    Array.from({ length: 10_000 }, (_, index) => index + 1),
  )
  const budget = newAnswerBudget()
  const signed = Array.from({ length: 8 }, () =>
    signWithin(budget, { upload, s3UploadId: 'id', digests }, store),
  )
  const bytes = JSON.stringify(signed).length
  expect(bytes).toBeGreaterThan(3_000_000)
  expect(bytes).toBeLessThan(4_000_000)
  expect(signed.at(-1)).toBe(null)
})

test('URLs live for twice what the window takes at 10 Mbit/s, 15 minutes to 24 hours', async () => {
  const store = await usableStore()
  const lifetimeMinutes = (fileSize: number, parts: number) => {
    const upload = anUpload(fileSize)
    const digests = digestsOf(
      Buffer.alloc(32 * parts),
      Array.from({ length: parts }, (_, index) => index + 1),
    )
    const signed = signWithin(newAnswerBudget(), { upload, s3UploadId: 'id', digests }, store)
    return Math.round((Date.parse(signed?.expiresAt ?? '') - Date.now()) / 60_000)
  }
  expect(lifetimeMinutes(20 * MIB, 4)).toBe(15)
  expect(lifetimeMinutes(8000 * MIB, 1000)).toBe(Math.round((2 * 8000 * MIB * 8) / 10e6 / 60))
  expect(lifetimeMinutes(64_000 * MIB, 1000)).toBe(24 * 60)
})
