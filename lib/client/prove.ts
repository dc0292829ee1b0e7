import { wait } from './backoff.ts'
import { tookCopies } from './delta.ts'
import { numbersOf } from './ranges.ts'
import type { Run } from './run.ts'
import type { Source } from './source.ts'
import type { Transfer } from './transfer.ts'
import type { CopyAnswer } from './wire-delta.ts'
import type { Challenge } from './wire-proof.ts'

/** What is sent by then was not worth a proof. */
const PROVE_AFTER_MS = 1_000

export type Prover = { prove: (transfer: Transfer, challenge: Challenge) => void }

/**
 * Proves that this client has a file's bytes, beside sending them: where another account stores the content, the store then
 * copies what is not sent yet. One call a file, and more only where a huge one is copied in several; one file after another,
 * since most proofs are refused, after seconds. Nothing waits for it or fails with it.
 */
export function createProver(run: Run): Prover {
  let last: Promise<void> = Promise.resolve()
  return {
    prove: (transfer, challenge) => {
      const ripe = wait(PROVE_AFTER_MS, run.signal).catch(() => {})
      const mine = Promise.all([last, ripe]).then(() => proveOne(run, transfer, challenge))
      // Without an answer, or with a refusal, the parts are sent.
      last = mine.catch(() => {})
    },
  }
}

async function proveOne(run: Run, transfer: Transfer, challenge: Challenge): Promise<void> {
  if (!isWorthIt(run, transfer) || Date.now() > Date.parse(challenge.expiresAt)) return
  const { uploadId, first } = transfer
  const answer = await answerTo(challenge, first.file.source)
  let body: object = { uploadId, proof: { token: challenge.token, answer } }
  while (isWorthIt(run, transfer)) {
    for (const entry of transfer.entries) entry.functionCalls += 1
    const { copied, left } = await run.api.once<CopyAnswer>('POST', '/api/storage/copy', body)
    take(run, transfer, numbersOf(copied))
    if (left.length === 0 || copied.length === 0) return
    body = { uploadId, proven: true }
  }
}

function isWorthIt({ signal }: Run, { state, waiting }: Transfer): boolean {
  return !signal.aborted && state === 'open' && waiting.size > 0
}

/** What was copied need not be sent; attempts that are under way are given up. */
function take(run: Run, transfer: Transfer, copied: number[]): void {
  const spared = copied.filter((number) => transfer.waiting.has(number))
  if (transfer.state === 'closed' || spared.length === 0) return
  tookCopies(run, transfer, spared)
  run.engine.prune()
}

/** HMAC-SHA256 of the ranges' bytes under the nonce, in base64. A little more than 8 MiB are asked for at most. */
async function answerTo({ nonce, ranges }: Challenge, source: Source): Promise<string> {
  const bytes = new Uint8Array(ranges.reduce((sum, [, length]) => sum + length, 0))
  let at = 0
  for (const [offset, length] of ranges) {
    await readInto(bytes.subarray(at, at + length), offset, source)
    at += length
  }
  const secret = Uint8Array.from(atob(nonce), (character) => character.charCodeAt(0))
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
  const tag = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes))
  return btoa(String.fromCharCode(...tag))
}

async function readInto(bytes: Uint8Array, offset: number, source: Source): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const some = await source.read(offset + done, bytes.length - done)
    if (some.length === 0) throw new RangeError('The file became shorter while it was read')
    bytes.set(some, done)
    done += some.length
  }
}
