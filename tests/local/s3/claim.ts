import { type Call, header, splitOnce } from './call.ts'
import { refuse } from './refuse.ts'

export const ALGORITHM = 'AWS4-HMAC-SHA256'

/** The parts of a signature, from the Authorization header or from the query of a presigned URL. */
export type Claim = {
  credential: string
  signedHeaders: string[]
  signature: string
  /** `20260131T120000Z`. */
  date: string
  payloadHash: string
  presigned: boolean
}

/**
 * What a request claims about who signed it: the query of a presigned URL counts before the Authorization header.
 *
 * @throws AccessDenied without either; InvalidRequest, MissingSecurityHeader, AuthorizationQueryParametersError
 */
export function claimOf(call: Call): Claim {
  return call.query.has('X-Amz-Algorithm') ? queryClaim(call) : headerClaim(call)
}

function queryClaim(call: Call): Claim {
  const parameter = (name: string) => {
    const value = call.query.get(name)
    if (!value)
      throw refuse('AuthorizationQueryParametersError', `${name} is missing from the query.`)
    return value
  }
  if (parameter('X-Amz-Algorithm') !== ALGORITHM) {
    throw refuse('AuthorizationQueryParametersError', `X-Amz-Algorithm only supports ${ALGORITHM}.`)
  }
  return {
    credential: parameter('X-Amz-Credential'),
    signedHeaders: parameter('X-Amz-SignedHeaders').split(';'),
    signature: parameter('X-Amz-Signature'),
    date: parameter('X-Amz-Date'),
    payloadHash:
      call.query.get('X-Amz-Content-Sha256') ??
      header(call, 'x-amz-content-sha256') ??
      'UNSIGNED-PAYLOAD',
    presigned: true,
  }
}

function headerClaim(call: Call): Claim {
  const authorization = header(call, 'authorization')
  if (!authorization) throw refuse('AccessDenied')
  if (!authorization.startsWith(`${ALGORITHM} `)) {
    throw refuse(
      'InvalidRequest',
      `The authorization mechanism is not supported. Please use ${ALGORITHM}.`,
    )
  }
  const fields = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(',')
      .map((field) => splitOnce(field.trim(), '='))
      .map(([name = '', value = '']) => [name, value]),
  )
  const payloadHash = header(call, 'x-amz-content-sha256')
  if (!payloadHash) {
    throw refuse('MissingSecurityHeader', undefined, { MissingHeaderName: 'x-amz-content-sha256' })
  }
  const date = header(call, 'x-amz-date')
  if (!date) throw refuse('AccessDenied', 'AWS authentication requires a valid x-amz-date header.')
  return {
    credential: fields.get('Credential') ?? '',
    signedHeaders: (fields.get('SignedHeaders') ?? '').split(';'),
    signature: fields.get('Signature') ?? '',
    date,
    payloadHash,
    presigned: false,
  }
}
