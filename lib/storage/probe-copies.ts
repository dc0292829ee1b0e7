import { createHash } from 'node:crypto'
import { escapePath } from './canonical-request.ts'
import { askStore } from './client.ts'
import { store } from './config.ts'
import { listParts } from './multipart.ts'
import { headObject } from './objects.ts'
import {
  answerOr,
  type Checksum,
  type ProbePut,
  put,
  withObject,
  withUpload,
} from './probe-requests.ts'

const SMALL_SOURCE_BYTES = 1_000
/** AWS copies ranges only from objects above 5 MB. */
const LARGE_SOURCE_BYTES = 5 * 1024 * 1024 + 1
const DAY_MS = 24 * 3600 * 1000

export type CopyOutcome = 'refused' | 'ignored' | 'honoured'

/**
 * Whether the store gives the SHA-256 of a part that it copied from a range of an object; ListParts says it even where
 * the copy's own answer does not.
 */
export async function probeCopyDigest(prefix: string): Promise<boolean> {
  const small = await answerOr(false, () => copiesWithDigest(`${prefix}/small`, SMALL_SOURCE_BYTES))
  if (small) return true
  return await answerOr(false, () => copiesWithDigest(`${prefix}/large`, LARGE_SOURCE_BYTES))
}

/**
 * What happens when the holder of a presigned PUT adds a copy source that was not signed: the store refuses the
 * request, ignores the header and stores the bytes sent, or copies somebody else's object. `guarded`: it copies, but
 * not when the signature carries conditions that no source meets.
 */
export async function probeUnsignedCopySource(
  prefix: string,
  checksum: Checksum,
): Promise<CopyOutcome | 'guarded'> {
  const source = `${prefix}/source`
  return await withObject(source, async () => {
    const body = zeros(SMALL_SOURCE_BYTES)
    const stored = await put({ key: source, s3UploadId: null, checksum, body })
    // Without a source every copy fails, which would look like a refusal.
    if (!stored.ok) throw new Error(`The store refuses a plain presigned PUT (${stored.status})`)
    const copy = { 'x-amz-copy-source': sourceOf(source) }
    const outcome = await worstOf(prefix, { checksum, guarded: false, unsignedHeaders: copy })
    if (outcome !== 'honoured') return outcome

    // A store may weigh a second precondition, which the holder can make true, against the signed one.
    const tomorrow = new Date(Date.now() + DAY_MS).toUTCString()
    const excuse = { ...copy, 'x-amz-copy-source-if-unmodified-since': tomorrow }
    const guarded = await Promise.all(
      [copy, excuse].map((unsignedHeaders, index) =>
        worstOf(`${prefix}/guarded-${index}`, { checksum, guarded: true, unsignedHeaders }),
      ),
    )
    return guarded.includes('honoured') ? 'honoured' : 'guarded'
  })
}

type Attempt = Pick<ProbePut, 'checksum' | 'guarded' | 'unsignedHeaders'>
type CopyPut = Attempt & Pick<ProbePut, 'body' | 'promised'>

async function worstOf(prefix: string, attempt: Attempt): Promise<CopyOutcome> {
  // Copies have no body, so a store may copy only where none was promised; and it may compare the copy with the digest
  // that was promised, which a thief can know.
  const own = { ...attempt, body: zeros(4) }
  const empty = { ...attempt, body: zeros(0) }
  const known = { ...empty, promised: zeros(SMALL_SOURCE_BYTES) }
  const outcomes = await Promise.all(
    [own, empty, known].flatMap((put, index) => [
      copyToPart(`${prefix}/copied-part-${index}`, put),
      copyToObject(`${prefix}/copied-object-${index}`, put),
    ]),
  )
  if (outcomes.includes('honoured')) return 'honoured'
  return outcomes.includes('ignored') ? 'ignored' : 'refused'
}

async function copyToPart(key: string, attempt: CopyPut): Promise<CopyOutcome> {
  return await withUpload(key, attempt.checksum, async (s3UploadId) => {
    await put({ key, s3UploadId, ...attempt })
    const [part] = (await listParts(key, s3UploadId)) ?? []
    return outcomeOf(part?.size, attempt.body.length)
  })
}

async function copyToObject(key: string, attempt: CopyPut): Promise<CopyOutcome> {
  return await withObject(key, async () => {
    await put({ key, s3UploadId: null, ...attempt })
    return outcomeOf((await headObject(key))?.size, attempt.body.length)
  })
}

/** What is stored counts, not the status: a refusal may come inside a 200. */
function outcomeOf(storedBytes: number | undefined, sentBytes: number): CopyOutcome {
  if (storedBytes === undefined) return 'refused'
  return storedBytes === sentBytes ? 'ignored' : 'honoured'
}

async function copiesWithDigest(prefix: string, sourceBytes: number): Promise<boolean> {
  const source = `${prefix}-copy-source`
  const key = `${prefix}-copy`
  return await withObject(source, async () => {
    await put({ key: source, s3UploadId: null, checksum: 'sha256', body: zeros(sourceBytes) })
    return await withUpload(key, 'sha256', async (s3UploadId) => {
      const input = { Bucket: store.bucket, Key: key, UploadId: s3UploadId, PartNumber: 1 }
      const copy = { CopySource: sourceOf(source), CopySourceRange: 'bytes=1-100' }
      await askStore(({ client, sdk }) =>
        client.send(new sdk.UploadPartCopyCommand({ ...input, ...copy })),
      )
      const [part] = (await listParts(key, s3UploadId)) ?? []
      return part?.sha256 === createHash('sha256').update(zeros(100)).digest('base64')
    })
  })
}

function sourceOf(key: string): string {
  return escapePath(`${store.bucket}/${key}`)
}

function zeros(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length)
}
