import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { decodeNote, encodeNote, type Note } from '../../../lib/chunks/note.ts'
import type { FoundUpload } from '../../../lib/chunks/upload-of.ts'
import { viewLedger } from '../../../lib/chunks/view.ts'

const FUNCTION_ANSWER_BYTES_MAX = 4_500_000
const at = Date.now()

function anUpload(partCount: number): FoundUpload {
  const upload = {
    id: randomUUID(),
    accountId: randomUUID(),
    fileHash: '',
    fileSize: partCount * 64 * 1024 * 1024,
    partCount,
    checksum: 'sha256' as const,
    storageKey: '',
    s3UploadId: null,
    state: 'open' as const,
    urlsExpireAt: '',
    manifestBytes: 0,
    manifestUrlExpiresAt: null,
    createdAt: '',
    expiresAt: '',
  }
  return { upload, partDigests: Buffer.alloc(32 * partCount), chunksReported: 0 }
}

function note(chunkIndex: number, errorMessage: string): Note {
  const words = {
    chunkHash: 'h'.repeat(100),
    edgeId: 'e'.repeat(64),
    bytesUploaded: 68_719_476_736,
  }
  const text = encodeNote({ chunkIndex, status: 'failed', errorMessage, ...words }, at)
  return decodeNote(text) ?? expect.unreachable()
}

test('10,000 chunks with all that can be said of them fit the answer of a function', () => {
  for (const errorMessage of ['"'.repeat(500), '\u0001'.repeat(500), '€'.repeat(500)]) {
    const notes = new Map(Array.from({ length: 10_000 }, (_, n) => [n, note(n, errorMessage)]))
    const list = viewLedger(anUpload(10_000), { completed: new Set(), notes }, 'ledger')
    expect(list.total).toBe(10_000)
    expect(Buffer.byteLength(JSON.stringify(list))).toBeLessThan(FUNCTION_ANSWER_BYTES_MAX)
    expect(list.chunks[0]?.errorMessage).toBe(errorMessage.slice(0, 120))
    expect(list.chunks[9_999]?.errorMessage).toBeNull()
  }
})

test('what another version wrote is no note', () => {
  for (const text of ['', '{}', '[]', '["gone",null,null,null,null,1]', '["failed"]'])
    expect(decodeNote(text)).toBeNull()
  expect(decodeNote(encodeNote({ chunkIndex: 0, status: 'pending' }, at))).toEqual({
    status: 'pending',
    chunkHash: null,
    edgeId: null,
    bytesUploaded: null,
    errorMessage: null,
    at,
  })
})
