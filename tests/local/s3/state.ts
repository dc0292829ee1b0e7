import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Blobs, openBlobs, type Segment } from './blobs.ts'
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksums.ts'
import { type Journal, readJournal, startJournal } from './journal.ts'

/** Stored bytes under a key. `headers` are the ones given back with the bytes: content-type, x-amz-meta-* … */
export type StoredObject = {
  key: string
  size: number
  /** Without quotes. */
  etag: string
  lastModified: string
  headers: Record<string, string>
  checksum?: Checksum
  segments: Segment[]
}

export type Part = Omit<StoredObject, 'key' | 'headers'> & { partNumber: number }

/** An open multipart upload. */
export type Upload = {
  uploadId: string
  bucket: string
  key: string
  initiated: string
  headers: Record<string, string>
  checksum?: { algorithm: ChecksumAlgorithm; type: ChecksumType }
}

export type OpenUpload = Upload & { parts: Map<number, Part> }
export type Bucket = { name: string; createdAt: string; objects: Map<string, StoredObject> }

/** Everything that can happen to the stored state. */
export type Change =
  | { type: 'bucket'; name: string; createdAt: string }
  | { type: 'object'; bucket: string; object: StoredObject }
  | { type: 'delete'; bucket: string; key: string }
  | { type: 'upload'; upload: Upload }
  | { type: 'part'; uploadId: string; part: Part }
  | { type: 'complete'; uploadId: string; object: StoredObject }
  | { type: 'abort'; uploadId: string }

/**
 * What the store holds: maps in memory, which are nothing but the journal replayed. `commit` writes a change to the
 * journal and applies it in one synchronous step, so the last one to commit wins and a crash loses no answered request.
 */
export type State = {
  buckets: Map<string, Bucket>
  uploads: Map<string, OpenUpload>
  blobs: Blobs
  commit(change: Change): void
  close(): void
}

/**
 * Opens a data folder, making it when absent.
 *
 * @throws Error in plain words when the folder's journal is damaged
 */
export async function openState(dataDir: string): Promise<State> {
  mkdirSync(dataDir, { recursive: true })
  const journalPath = join(dataDir, 'journal.jsonl')
  const maps = {
    buckets: new Map<string, Bucket>(),
    uploads: new Map<string, OpenUpload>(),
    blobs: openBlobs(join(dataDir, 'blobs')),
  }
  for (const change of readJournal<Change>(journalPath)) apply(maps, change)
  await maps.blobs.sweep()
  const journal: Journal<Change> = startJournal(journalPath, changesThatMake(maps))

  return {
    ...maps,
    commit(change) {
      journal.append(change)
      apply(maps, change)
    },
    close: () => journal.close(),
  }
}

function apply(state: Pick<State, 'buckets' | 'uploads' | 'blobs'>, change: Change): void {
  switch (change.type) {
    case 'bucket':
      state.buckets.set(change.name, { ...change, objects: new Map() })
      break
    case 'object':
      setObject(state, change.bucket, change.object)
      break
    case 'delete':
      setObject(state, change.bucket, { key: change.key })
      break
    case 'upload':
      state.uploads.set(change.upload.uploadId, { ...change.upload, parts: new Map() })
      break
    case 'part':
      setPart(state, change.uploadId, change.part)
      break
    case 'complete':
      setObject(state, state.uploads.get(change.uploadId)?.bucket ?? '', change.object)
      dropUpload(state, change.uploadId)
      break
    case 'abort':
      dropUpload(state, change.uploadId)
      break
  }
}

function setObject(
  { buckets, blobs }: Pick<State, 'buckets' | 'blobs'>,
  bucket: string,
  object: StoredObject | { key: string },
): void {
  const objects = buckets.get(bucket)?.objects
  const former = objects?.get(object.key)
  if ('segments' in object) {
    blobs.retain(object.segments)
    objects?.set(object.key, object)
  } else {
    objects?.delete(object.key)
  }
  if (former) blobs.release(former.segments)
}

function setPart(
  { uploads, blobs }: Pick<State, 'uploads' | 'blobs'>,
  uploadId: string,
  part: Part,
): void {
  const parts = uploads.get(uploadId)?.parts
  const former = parts?.get(part.partNumber)
  blobs.retain(part.segments)
  parts?.set(part.partNumber, part)
  if (former) blobs.release(former.segments)
}

function dropUpload({ uploads, blobs }: Pick<State, 'uploads' | 'blobs'>, uploadId: string): void {
  for (const part of uploads.get(uploadId)?.parts.values() ?? []) blobs.release(part.segments)
  uploads.delete(uploadId)
}

function* changesThatMake({
  buckets,
  uploads,
}: Pick<State, 'buckets' | 'uploads'>): Generator<Change> {
  for (const { name, createdAt, objects } of buckets.values()) {
    yield { type: 'bucket', name, createdAt }
    for (const object of objects.values()) yield { type: 'object', bucket: name, object }
  }
  for (const { parts, ...upload } of uploads.values()) {
    yield { type: 'upload', upload }
    for (const part of parts.values()) yield { type: 'part', uploadId: upload.uploadId, part }
  }
}
