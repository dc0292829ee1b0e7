import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { openStore } from './open-store.ts'
import { ALL_TRICKS, SECRET, steal, storeVictim } from './theft.ts'

test('on a store that honours an unsigned copy source, an unguarded URL would give away foreign objects', async () => {
  const storage = await openStore('compat')
  const victim = await storeVictim(storage)
  await steal(storage, victim, { isPart: false, guarded: false, size: 4 })
  expect((await storage.headObject('users/thief/1'))?.size).toBe(SECRET.length)
})

test.each([
  { isPart: false, size: 4 },
  { isPart: false, size: 0 },
  { isPart: false, size: SECRET.length },
  { isPart: true, size: 4 },
  { isPart: true, size: 0, digestIsKnown: true },
  { isPart: false, size: 0, digestIsKnown: true },
])('with the guard nobody copies a foreign object: %o', async (attempt) => {
  const storage = await openStore('compat')
  const victim = await storeVictim(storage)
  for (const tricks of ALL_TRICKS) {
    const answer = await steal(storage, victim, { ...attempt, guarded: true, tricks })
    expect(answer.status, JSON.stringify(tricks)).toBeGreaterThanOrEqual(400)
    expect(answer.stored).toEqual([])
  }
})

test('a strict store refuses an unsigned copy source without the guard', async () => {
  const storage = await openStore('aws')
  const victim = await storeVictim(storage)
  for (const isPart of [false, true]) {
    const answer = await steal(storage, victim, { isPart, guarded: false, size: 4 })
    expect(answer).toEqual({ status: 403, stored: [] })
  }
})

test('the guard does not stand in the way of an honest upload', async () => {
  const storage = await openStore('compat')
  const target = {
    key: 'k',
    s3UploadId: null,
    fileSize: 4,
    checksum: 'md5',
    guarded: true,
  } as const
  const body = Buffer.from('mine')
  const digest = createHash('md5').update(body).digest('base64')
  const { url, headers, signatures } = storage.signParts(target, [{ partNumber: 1, digest }], 60)
  const response = await fetch(url.replace('{signature}', signatures['1'] ?? ''), {
    method: 'PUT',
    body,
    headers: { ...headers, 'content-md5': digest },
  })
  expect(response.status).toBe(200)
  expect((await storage.headObject('k'))?.size).toBe(4)
})
