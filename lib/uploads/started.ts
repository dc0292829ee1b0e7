import { layoutOf } from '../content/layout.ts'
import { type Challenge, challengeOf } from '../possession/challenge.ts'
import { Problem, type ProblemDocument } from '../problem.ts'
import { type SignedManifest, signManifest } from '../storage/sign-manifest.ts'
import type { SignedParts } from '../storage/sign-parts.ts'
import { chooseBase, type KnownBases, type OfferedBase, offerBase } from './base.ts'
import type { Candidate } from './decide-statement.ts'
import type { Opened } from './open-at-store.ts'
import { partsWithout, type Ranges, rangesOf } from './ranges.ts'
import type { Decision } from './reserve.ts'
import { type AnswerBudget, digestsOf, signWithin } from './sign.ts'
import type { UsableStore } from './usable-store.ts'

/** What became of one file of a start. */
export type StartResult =
  | ({ path: string; status: 'stored' } & StoredFile)
  | ({ path: string; status: 'open' } & OpenUpload)
  | { path: string; status: 'completing'; uploadId: string }
  | { path: string | null; problem: ProblemDocument }

type StoredFile = {
  duplicate: true
  fileId: string
  fileHash: string
  fileSize: number
  verified: boolean
  savedBytes: number
}

type OpenUpload = {
  uploadId: string
  fileHash: string
  fileSize: number
  partSize: number
  partCount: number
  checksum: 'sha256' | 'md5'
  storedParts: Ranges
  expiresAt: string
  signed: SignedParts | null
  manifest: SignedManifest | null
  base: OfferedBase | null
  challenge: Challenge | null
}

/** What the answers to one start are made of: uploads by id, and what bases there are. */
export type Starting = {
  opened: Map<string, Opened>
  bases: KnownBases
  budget: AnswerBudget
  store: UsableStore
}

/** The answer for one file of a start. No I/O. */
export function resultOf(
  candidate: Candidate,
  decision: Decision,
  starting: Starting,
): StartResult {
  const { path, fileHash, fileSize } = candidate
  if (decision.kind === 'refused') return { path, problem: decision.problem.document() }
  if (decision.kind === 'stored') {
    const { fileId, verified } = decision
    return {
      path,
      status: 'stored',
      duplicate: true,
      fileId,
      fileHash,
      fileSize,
      verified,
      savedBytes: fileSize,
    }
  }
  const { id: uploadId, state } = decision.upload
  if (state === 'completing') return { path, status: 'completing', uploadId }

  const one = starting.opened.get(uploadId)
  if (!one)
    return {
      path,
      problem: new Problem('upload-closed', 'Aborted meanwhile; start again.').document(),
    }
  return {
    path,
    status: 'open',
    ...describeOpen({ ...one, takesManifest: decision.takesManifest }, candidate, starting),
  }
}

function describeOpen(
  { upload, s3UploadId, storedParts, takesManifest }: Opened & { takesManifest: boolean },
  candidate: Candidate,
  { bases, budget, store }: Starting,
): OpenUpload {
  const { partSize, partCount } = layoutOf(upload.fileSize)
  const missing = upload.checksum === 'sha256' ? partsWithout(partCount, storedParts) : []
  const digests = digestsOf(candidate.partDigests, missing)
  const base = upload.checksum === 'sha256' ? chooseBase(candidate, bases) : null
  return {
    uploadId: upload.id,
    fileHash: upload.fileHash,
    fileSize: upload.fileSize,
    partSize,
    partCount,
    checksum: upload.checksum,
    storedParts: rangesOf(storedParts),
    expiresAt: upload.expiresAt,
    signed: signWithin(budget, { upload, s3UploadId, digests }, store),
    manifest: takesManifest ? signedManifest(candidate, upload.storageKey, store) : null,
    base: base && offerBase(base),
    challenge: challengeOf(upload, store),
  }
}

function signedManifest(
  { manifest }: Candidate,
  key: string,
  { unsignedCopySource }: UsableStore,
): SignedManifest | null {
  if (!manifest) return null
  const guarded = unsignedCopySource === 'guarded'
  return signManifest({ key, bytes: manifest.bytes, digest: manifest.sha256, guarded })
}
