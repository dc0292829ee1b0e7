import { digestToBase64 } from '../content/content-id.ts'
import { wait } from './backoff.ts'
import { base64Of } from './base64.ts'
import { type Failure, failure, refusal } from './failure.ts'
import { type Run, useWays } from './run.ts'
import type { Transfer } from './transfer.ts'
import type { ProblemDocument, SignAnswer, SignAsk, Signed, Ways } from './wire.ts'

const UPLOADS_PER_CALL = 100
/** Signatures and grants that end sooner than this are renewed before use. */
const MARGIN_MS = 20_000
/** Several connections miss signatures in the same moment; they share one call. */
const GATHER_MS = 10

/** The right to send one part; `deadline` is ms of `performance.now()`, so the machine's own clock does not matter. */
export type Ticket = { signed: Signed; signature: string; deadline: number }

/** Admission to the relays, for the parts of one upload. */
export type Admission = { token: string; deadline: number }

export type Signer = { ask: (transfer: Transfer) => Promise<void> }

/** Keeps the signatures of an answer, and the grant that belongs to them. */
export function keepSignatures(
  transfer: Transfer,
  signed: Signed | null | undefined,
  { grant, serverTime }: Ways,
): void {
  transfer.grant = grant
    ? { token: grant.token, deadline: deadlineOf(grant.expiresAt, serverTime) }
    : null
  if (!signed) return
  const deadline = deadlineOf(signed.expiresAt, serverTime)
  for (const [number, signature] of Object.entries(signed.signatures)) {
    transfer.tickets.set(Number(number), { signed, signature, deadline })
  }
}

/** What a request was sent with: if it is refused, this is what is not good any more. */
export type Used = { signed: Signed; grant: Admission | null }

/** Where a part goes over a path and with which headers; asks for a signature or a grant where one is missing or old. */
export async function partTicket(
  run: Run,
  transfer: Transfer,
  { partNumber, edgeUrl }: { partNumber: number; edgeUrl: string | null },
): Promise<{ url: string; headers: Record<string, string>; used: Used }> {
  if (!isUsable(transfer, partNumber, edgeUrl)) await run.signer.ask(transfer)
  const ticket = transfer.tickets.get(partNumber)
  if (!ticket) throw failure('the service did not sign a part', 'again', { waitMs: 1000 })
  if (edgeUrl !== null && !transfer.grant) throw failure('no grant for the relay', 'elsewhere')

  const { signed, signature } = ticket
  const url = signed.url
    .replace('{partNumber}', String(partNumber))
    .replace('{signature}', signature)
  const headers = { ...signed.headers, ...checksumHeader(transfer, partNumber) }
  const { grant } = transfer
  if (edgeUrl === null || !grant) return { url, headers, used: { signed, grant: null } }
  return {
    url: overEdge(url, edgeUrl),
    headers: { ...headers, 'x-jetty-grant': grant.token },
    used: { signed, grant },
  }
}

/** The same path and query under a relay's origin. */
export function overEdge(url: string, edgeUrl: string): string {
  return url.replace(/^[a-z]+:\/\/[^/]+/i, new URL(edgeUrl).origin)
}

/**
 * Signs for several transfers in one call; what a transfer is refused is thrown at those who asked for that one. Who
 * asks for a transfer that is being signed waits for that answer: it holds all parts that lack a signature.
 */
export function createSigner(run: Run): Signer {
  let gathered: Transfer[] = []
  let flush: Promise<void> | undefined
  const asked = new Map<Transfer, Promise<void>>()

  async function flushLater(): Promise<void> {
    await wait(GATHER_MS, run.signal)
    const transfers = gathered
    gathered = []
    flush = undefined
    try {
      for (let at = 0; at < transfers.length; at += UPLOADS_PER_CALL) {
        await signAll(run, transfers.slice(at, at + UPLOADS_PER_CALL))
      }
    } finally {
      for (const transfer of transfers) asked.delete(transfer)
    }
  }

  return {
    ask: async (transfer) => {
      if (!asked.has(transfer)) {
        gathered.push(transfer)
        flush ??= flushLater()
        asked.set(transfer, flush)
      }
      await asked.get(transfer)
      if (transfer.refused) throw transfer.refused
    },
  }
}

async function signAll(run: Run, transfers: Transfer[]): Promise<void> {
  const uploads: SignAsk[] = []
  for (const transfer of transfers) uploads.push(await askOf(run, transfer))
  const answer = await run.api.call<SignAnswer>('PATCH', '/api/storage/upload', { uploads })
  useWays(run, answer)
  for (const transfer of transfers) {
    for (const entry of transfer.entries) entry.functionCalls += 1
    const result = answer.results.find(({ uploadId }) => uploadId === transfer.uploadId)
    if (result?.problem) transfer.refused = refusedUpload(result.problem)
    else keepSignatures(transfer, result?.signed, answer)
  }
}

function refusedUpload(problem: ProblemDocument): Failure {
  const error = failure(refusal(problem).message, 'never')
  const gone = problem.status === 404 || problem.status === 409
  return gone ? Object.assign(error, { uploadGone: true }) : error
}

async function askOf(run: Run, transfer: Transfer): Promise<SignAsk> {
  const partNumbers = [...transfer.waiting].filter((number) => !isFresh(transfer, number))
  const numbers = partNumbers.length > 0 ? partNumbers : [...transfer.waiting].slice(0, 1)
  if (transfer.checksum === 'sha256') return { uploadId: transfer.uploadId, partNumbers: numbers }
  await ensureMd5(run, transfer)
  const md5s = Object.fromEntries(
    numbers.map((number) => [String(number), md5Of(transfer, number)]),
  )
  return { uploadId: transfer.uploadId, md5s }
}

/** The first file for a store in md5 mode was hashed without MD5; it is read once more. */
async function ensureMd5(run: Run, transfer: Transfer): Promise<void> {
  run.md5 = true
  if (transfer.first.digests[0]?.md5) return
  const { source } = transfer.first.file
  transfer.first.digests = await source.digest({ md5: true, signal: run.signal, onBytes: () => {} })
}

function checksumHeader(transfer: Transfer, partNumber: number): Record<string, string> {
  if (transfer.checksum === 'md5') return { 'content-md5': md5Of(transfer, partNumber) }
  const digest = transfer.first.digests[partNumber - 1]
  return digest ? { 'x-amz-checksum-sha256': digestToBase64(digest.sha256) } : {}
}

function md5Of(transfer: Transfer, partNumber: number): string {
  return base64Of(transfer.first.digests[partNumber - 1]?.md5 ?? new Uint8Array())
}

function isUsable(transfer: Transfer, partNumber: number, edgeUrl: string | null): boolean {
  if (!isFresh(transfer, partNumber)) return false
  return (
    edgeUrl === null || (transfer.grant !== null && transfer.grant.deadline > performance.now())
  )
}

/** When something ends, on this process's own clock: only the server's times are compared with each other. */
function deadlineOf(expiresAt: string, serverTime: string): number {
  const lifeMs = Date.parse(expiresAt) - Date.parse(serverTime)
  return performance.now() + lifeMs - Math.min(MARGIN_MS, lifeMs / 5)
}

function isFresh(transfer: Transfer, partNumber: number): boolean {
  const ticket = transfer.tickets.get(partNumber)
  return ticket !== undefined && ticket.deadline > performance.now()
}
