import { retryAfterMs } from './backoff.ts'
import { type Failure, failure, type Retry } from './failure.ts'
import type { Used } from './sign.ts'
import type { PartAnswer } from './source.ts'
import type { Transfer } from './transfer.ts'

/** A part whose content or signature is refused this often, freshly signed and read each time, will not be taken. */
const REFUSALS_MAX = 3
const SIGNATURE_CODES = new Set([
  'AccessDenied',
  'ExpiredToken',
  'SignatureDoesNotMatch',
  'InvalidAccessKeyId',
])
/** S3 says `SlowDown` with 503; others 429. */
const THROTTLED = new Set([429, 503])
const CONTENT_CODES = new Set([
  'BadDigest',
  'InvalidDigest',
  'XAmzContentChecksumMismatch',
  'IncompleteBody',
])

type Asked = { partNumber: number; answer: PartAnswer; direct: boolean; used: Used }

/**
 * What a store's or relay's answer to a part means; null when the part is stored. Codes are those of the Amazon S3 API
 * reference, "Error responses"; a relay answers problem+json.
 */
export function judgeAnswer(transfer: Transfer, asked: Asked): Failure | null {
  const { answer, direct } = asked
  if (answer.status >= 200 && answer.status < 300) return null
  const code = codeOf(answer.body)
  const waitMs = retryAfterMs(answer.headers['retry-after'])
  const text = describe(answer, code)

  if (code === 'NoSuchUpload') return Object.assign(failure(text, 'never'), { uploadGone: true })
  if (code === 'RequestTimeTooSkewed') return failure(skewText(answer), 'never')
  if (answer.status === 401 || answer.status === 403 || SIGNATURE_CODES.has(code)) {
    return refusedSignature(transfer, asked, text)
  }
  if (CONTENT_CODES.has(code))
    return failure(text, countRefusal(transfer, asked, 'again'), { waitMs })
  return mayHeal(answer, code) || !direct
    ? failure(text, 'elsewhere', { waitMs, throttled: THROTTLED.has(answer.status) })
    : failure(text, 'never')
}

function mayHeal({ status }: PartAnswer, code: string): boolean {
  return status >= 500 || status === 429 || status === 408 || code === 'RequestTimeout'
}

/**
 * What was signed together ends together, so all of it is signed anew, and the grant with it, unless that has happened
 * since; if it does not help, the path or the store is at fault.
 */
function refusedSignature(transfer: Transfer, asked: Asked, text: string): Failure {
  const { signed, grant } = asked.used
  for (const [partNumber, ticket] of transfer.tickets) {
    if (ticket.signed === signed) transfer.tickets.delete(partNumber)
  }
  if (!asked.direct && transfer.grant === grant) transfer.grant = null
  const retry = countRefusal(transfer, asked, 'again')
  if (retry === 'again') return failure(text, 'again')
  const expired = /expired/i.test(asked.answer.body)
  return failure(expired ? `${text}; ${skewText(asked.answer)}` : text, retry)
}

function countRefusal(transfer: Transfer, { partNumber, direct }: Asked, first: Retry): Retry {
  const refusals = (transfer.refusals.get(partNumber) ?? 0) + 1
  transfer.refusals.set(partNumber, refusals)
  if (refusals < REFUSALS_MAX) return first
  if (direct) return 'never'
  transfer.refusals.delete(partNumber)
  return 'elsewhere'
}

function skewText({ headers }: PartAnswer): string {
  return `the store's clock (${headers.date ?? 'unknown'}) and the service's differ too much for signed URLs`
}

function codeOf(body: string): string {
  return /<Code>([^<]*)<\/Code>/.exec(body)?.[1] ?? ''
}

function describe({ status, body }: PartAnswer, code: string): string {
  const message =
    /<Message>([^<]*)<\/Message>/.exec(body)?.[1] ?? /"detail":"([^"]*)"/.exec(body)?.[1]
  return ['a part was refused:', status, code, message].filter(Boolean).join(' ')
}
