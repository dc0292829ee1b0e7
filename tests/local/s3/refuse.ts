import { element } from './xml.ts'

/** S3's error codes this server answers with, their status and AWS's wording ("Error responses", Amazon S3 API reference). */
const REFUSALS = {
  AccessDenied: [403, 'Access Denied'],
  AuthorizationHeaderMalformed: [400, 'The authorization header you provided is not valid.'],
  AuthorizationQueryParametersError: [400, 'The authorization query parameters are not valid.'],
  BadDigest: [400, 'The digest you specified did not match what we received.'],
  BucketAlreadyOwnedByYou: [409, 'You already own a bucket of this name.'],
  EntityTooLarge: [400, 'Your proposed upload exceeds the maximum allowed size.'],
  EntityTooSmall: [400, 'Your proposed upload is smaller than the minimum allowed size.'],
  IncompleteBody: [
    400,
    'You did not provide the number of bytes the Content-Length header announced.',
  ],
  InternalError: [500, 'We encountered an internal error. Please try again.'],
  InvalidAccessKeyId: [403, 'The access key id you provided does not exist in our records.'],
  InvalidArgument: [400, 'Invalid argument.'],
  InvalidBucketName: [400, 'The specified bucket is not valid.'],
  InvalidDigest: [400, 'The Content-MD5 you specified was invalid.'],
  InvalidPart: [
    400,
    'One or more of the specified parts could not be found, or its entity tag or checksum did not match.',
  ],
  InvalidPartOrder: [400, 'The list of parts was not in ascending order.'],
  InvalidRange: [416, 'The requested range is not satisfiable.'],
  InvalidRequest: [400, 'Invalid request.'],
  KeyTooLongError: [400, 'Your key is too long.'],
  MalformedXML: [400, 'The XML you provided was not well-formed or did not validate.'],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  MissingContentLength: [411, 'You must provide the Content-Length HTTP header.'],
  MissingSecurityHeader: [400, 'Your request was missing a required header.'],
  NoSuchBucket: [404, 'The specified bucket does not exist.'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NoSuchUpload: [
    404,
    'The specified upload does not exist. It may have been aborted or completed.',
  ],
  NotImplemented: [501, 'This server does not implement what the request asks for.'],
  PreconditionFailed: [412, 'At least one of the preconditions you specified did not hold.'],
  RequestTimeTooSkewed: [
    403,
    'The difference between the request time and the current time is too large.',
  ],
  SignatureDoesNotMatch: [
    403,
    'The request signature we calculated does not match the one you provided.',
  ],
  StorageFull: [507, 'The disk behind this server is full; nothing of this request was stored.'],
  XAmzContentSHA256Mismatch: [
    400,
    'The x-amz-content-sha256 you specified did not match what we received.',
  ],
} as const satisfies Record<string, readonly [status: number, message: string]>

export type RefusalCode = keyof typeof REFUSALS

/** An error that carries what S3 answers: thrown anywhere, written by the server. */
export type Refusal = Error & { refusal: RefusalCode; details: Record<string, string> }

/**
 * Makes the error to throw. `message` replaces the code's usual wording, `details` become elements of the answer
 * (as `HeadersNotSigned` does on AWS).
 */
export function refuse(
  code: RefusalCode,
  message?: string,
  details: Record<string, string> = {},
): Refusal {
  return Object.assign(new Error(message ?? REFUSALS[code][1]), { refusal: code, details })
}

/** What to answer for anything thrown: refusals as they are, a full disk as itself, the rest as InternalError. */
export function refusalOf(error: unknown): Refusal {
  if (isRefusal(error)) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') return refuse('StorageFull')
  return refuse('InternalError', error instanceof Error ? error.message : String(error))
}

export function statusOf(refusal: Refusal): number {
  return REFUSALS[refusal.refusal][0]
}

export function refusalXml(refusal: Refusal, resource: string, requestId: string): string {
  return element('Error', {
    Code: refusal.refusal,
    Message: refusal.message,
    ...refusal.details,
    Resource: resource,
    RequestId: requestId,
  })
}

function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && 'refusal' in error
}
