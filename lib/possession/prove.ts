import { createHmac, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { env } from '../env.ts'
import { describeError, log } from '../log.ts'
import { Problem } from '../problem.ts'
import { readRanges } from '../storage/read-ranges.ts'
import { type Statement, statementOf } from './challenge.ts'
import { decoy, decoyRanges } from './decoy.ts'
import { claimProven, type ProvenUpload, spendProof } from './statements.ts'

/**
 * A refusal is answered so long after its call began, or at the next multiple: whatever it took to find out. Reading a
 * sample takes a fraction of it.
 */
const REFUSAL_STEP_MS = 2_000

/** The answer to a challenge, in base64: HMAC-SHA256 of the ranges' bytes, in order, under the nonce. */
export type Proof = { token: string; answer: string }

/**
 * Proves that the caller has the content of an open upload, against a copy of another account; gives the upload with that
 * copy. Where nobody has one, as much is read of a decoy. Whatever is wrong with the token, the upload or the answer,
 * the refusal is the same and comes after the same time. SQL 2, S3 1 for each range, 32 at once (and a HEAD in a new process).
 *
 * @throws Problem `proof-refused`
 */
export async function proveUpload(
  accountId: string,
  uploadId: string,
  proof: Proof,
): Promise<ProvenUpload> {
  return await orRefuse(async () => {
    const statement = statementOf(proof.token, accountId)
    if (statement?.uploadId !== uploadId) return null
    const shared = await decoy()
    const spent = await spendProof(accountId, statement)
    if (!spent) return null

    const { source } = spent
    const { nonce, ranges } = statement
    const expected = source
      ? await answerOf(source, { nonce, ranges })
      : await answerOf(shared, { nonce, ranges: decoyRanges(ranges) })
    const isRight = isEqual(expected, Buffer.from(proof.answer, 'base64'))
    return source && isRight ? await claimProven(accountId, uploadId, source.blobId) : null
  })
}

/**
 * An open upload that was proven before, with the copy it was proven against. SQL 1.
 *
 * @throws Problem `proof-refused`, also where the copy is gone since
 */
export async function readProven(accountId: string, uploadId: string): Promise<ProvenUpload> {
  return await orRefuse(() => claimProven(accountId, uploadId, null))
}

async function orRefuse(prove: () => Promise<ProvenUpload | null>): Promise<ProvenUpload> {
  const begun = performance.now()
  const proven = env.DEDUP_SCOPE === 'global' ? await prove().catch(asRefusal) : null
  if (proven) return proven

  const tookMs = performance.now() - begun
  await sleep(Math.ceil(tookMs / REFUSAL_STEP_MS) * REFUSAL_STEP_MS - tookMs)
  throw new Problem('proof-refused', 'Upload the parts: nothing can be copied for this proof.')
}

/** An object that is gone, or a store that does not answer, must not look different from a wrong answer. */
function asRefusal(error: unknown): null {
  log('warn', 'a proof of possession cannot be checked', describeError(error))
  return null
}

async function answerOf(
  object: { key: string; etag: string },
  { nonce, ranges }: Pick<Statement, 'nonce' | 'ranges'>,
): Promise<Buffer> {
  const answer = createHmac('sha256', nonce)
  for (const bytes of await readRanges(object, ranges)) answer.update(bytes)
  return answer.digest()
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
