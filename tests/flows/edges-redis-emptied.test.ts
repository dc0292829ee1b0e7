import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { areEqual } from '../local/big-file.ts'
import { jetty } from '../local/command.ts'
import { aContent } from '../local/content.ts'
import { type AskOptions, startThrottledPaths } from './throttled-paths.ts'

const MIB = 1024 * 1024
const SIZE = 60 * MIB

let paths: Awaited<ReturnType<typeof startThrottledPaths>>
beforeAll(async () => {
  paths = await startThrottledPaths(4 * MIB)
}, 60_000)
afterAll(async () => await paths.stop(), 30_000)

test('Redis emptied in the middle of an upload: every endpoint answers as it should, and nothing is lost', {
  timeout: 60_000,
}, async () => {
  const account = await paths.anAccount()
  const small = await aContent(1000)
  const first = await paths.send(account, { path: 'first', size: 1000 })
  const fileId = (await first.ended).result?.fileId ?? ''
  const sending = await paths.send(
    account,
    { path: 'a.bin', size: SIZE },
    { connections: 6, firstReportMs: 1_000 },
  )
  const { uploadId, sessionId } = await oneUnderWay(account.apiKey)
  const sent = () => paths.relays.reduce((sum, { way }) => sum + way.bytesUp(), 0)
  // More than six parts of 5 MiB: one at least has arrived.
  await vi.waitUntil(() => sent() > 32 * MIB, 20_000)
  // It must not be over before everything was asked.
  paths.setRate(MIB / 4)

  // Each is asked right after Redis was emptied, so that none lives on what another has brought back.
  const ask = async (path: string, options: Omit<AskOptions, 'as'> = {}) => {
    await paths.forgetMeasurements()
    const { status, body } = await paths.ask(path, { as: account.apiKey, ...options })
    expect({ path, status, body }).toMatchObject({ status: 200 })
    return body
  }
  const { fileSize, fileHash, partHashes } = small
  const started = await ask('/api/storage/upload', {
    body: { files: [{ path: 'second', fileSize, fileHash, partHashes }] },
  })
  expect(started.results[0]).toMatchObject({ status: 'open' })
  expect(started.edges).toHaveLength(5)
  const signed = await ask('/api/storage/upload', {
    method: 'PATCH',
    body: { uploads: [{ uploadId, partNumbers: [12] }] },
  })
  expect(Object.keys(signed.results[0].signed.signatures)).toEqual(['12'])
  const early = await paths.ask('/api/storage/upload', {
    as: account.apiKey,
    method: 'PUT',
    body: { uploads: [{ uploadId }] },
  })
  expect(early.body.type).toMatch(/parts-missing$/)

  expect((await ask('/api/storage/files?prefix=')).files).toHaveLength(1)
  expect((await ask(`/api/storage/download?fileId=${fileId}`)).url).toMatch(/^http/)
  expect((await ask('/api/agentcache/quota')).storage.usedBytes).toBe(1000)
  expect((await ask('/api/health')).status).toMatch(/ok|degraded/)
  expect((await ask('/api/edges')).edges.length).toBeGreaterThan(5)
  expect((await ask('/api/jetty/optimal-edges', { body: { fileSize: SIZE } })).edges).toHaveLength(
    6,
  )
  const asked = { fileHash: small.fileHash, fileSize: small.fileSize }
  expect(await ask('/api/jetty/check-duplicate', { body: asked })).toMatchObject({
    isDuplicate: false,
  })
  expect(await ask('/api/jetty/similar', { body: { fileId } })).toMatchObject({ files: [] })
  const chunk = { uploadId, chunkIndex: 0, status: 'uploading' }
  expect(await ask('/api/jetty/cache-chunk', { body: chunk })).toMatchObject({ success: true })
  const ledger = await ask(`/api/jetty/cache-chunk?uploadId=${uploadId}`)
  expect(ledger.chunksCompleted).toBeGreaterThan(0)
  const told = { action: 'progress', sessionId, chunksCompleted: 1, bytesUploaded: MIB }
  expect(await ask('/api/jetty/track-upload', { body: told })).toMatchObject({ success: true })
  const followed = await ask(`/api/jetty/track-upload?uploadId=${uploadId}`)
  expect(followed.uploads[0].percent).toBeGreaterThan(0)
  expect((await ask('/api/jetty/user-stats')).file_transfers.active_transfers).toHaveLength(1)

  expect(await Promise.race([sending.ended, 'under way'])).toBe('under way')
  paths.setRate(400 * MIB)
  const { result } = await sending.ended
  // The chunk manifest comes on top.
  expect(result?.sentBytes).toBeLessThan(1.1 * SIZE)
  expect(sending.troubles).toEqual([])
  const back = join(paths.folder, 'back.bin')
  const env = { JETTY_URL: paths.stack.url ?? '', JETTY_API_KEY: account.apiKey }
  expect((await jetty(env, 'get', 'a.bin', '-o', back).ended).code).toBe(0)
  expect(await areEqual(join(paths.folder, 'a.bin'), back)).toBe(true)
})

/** The upload that goes, once its client has told of it. */
async function oneUnderWay(apiKey: string): Promise<{ uploadId: string; sessionId: string }> {
  const found = await vi.waitUntil(
    async () => {
      const { body } = await paths.ask('/api/jetty/track-upload', { as: apiKey })
      const [upload] = body.uploads
      const [session] = upload?.sessions ?? []
      return session && { uploadId: upload.uploadId, sessionId: session.sessionId }
    },
    { timeout: 10_000, interval: 200 },
  )
  return found
}
