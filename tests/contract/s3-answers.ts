import type { S3Question } from './s3-questions.ts'

/** `aws` and `compat` are the local server's profiles, `rgw` is Ceph's gateway 16, `lyve` the real store. */
export type S3Backend = 'aws' | 'compat' | 'rgw' | 'lyve'

/**
 * What each store answers where stores differ. The local profiles answer as Amazon S3 is documented and reported to,
 * and as Ceph was measured to; an answer that is not written here fails the suite and is printed by it. Nobody has asked
 * the real store yet.
 */
export const S3_ANSWERS: Record<S3Question, Partial<Record<S3Backend, string>>> = {
  'a wrong signed SHA-256 header on an object': {
    aws: '400 BadDigest',
    compat: 'stored',
    rgw: 'stored',
  },
  'a wrong SHA-256 moved into the query': { aws: 'stored', compat: 'stored', rgw: 'stored' },
  'the SHA-256 of a single put, in HEAD': {
    aws: 'given, FULL_OBJECT',
    compat: 'none',
    rgw: 'none',
  },
  'a wrong SHA-256 on a part': { aws: '400 BadDigest', compat: 'stored', rgw: 'stored' },
  'a part without checksum on a SHA-256 upload': {
    aws: '400 InvalidRequest',
    compat: 'stored',
    rgw: 'stored',
  },
  'completion without checksums of a SHA-256 upload': {
    aws: '400 InvalidRequest',
    compat: 'completed',
    rgw: 'completed',
  },
  'completion with a wrong checksum of a part': {
    aws: '400 InvalidPart',
    compat: 'completed',
    rgw: 'completed',
  },
  'the composite SHA-256 of a multipart object, in HEAD': {
    aws: 'given with -N, COMPOSITE',
    compat: 'none',
    rgw: 'none',
  },
  'the composite SHA-256 in GetObjectAttributes': {
    aws: 'given without -N',
    compat: 'none',
    rgw: 'something else than attributes',
  },
  'the SHA-256 of a copied part': { aws: 'given', compat: 'none', rgw: 'none' },
  'the ETag of a copied part': { aws: 'in quotes', compat: 'bare', rgw: 'bare' },
  'the ETag that completion answers': { aws: 'given', compat: 'empty', rgw: 'empty' },
  'the ETag of a multipart object': {
    aws: 'MD5 of MD5s',
    compat: 'MD5 of MD5s',
    rgw: 'MD5 of MD5s',
  },
  'If-None-Match on completion': {
    aws: '412 PreconditionFailed',
    compat: 'completed',
    rgw: 'completed',
  },
  'completion that leaves out a stored part': {
    aws: 'completed',
    compat: 'completed',
    rgw: '400 InvalidPart',
  },
  'a copy whose x-amz-copy-source-if-match does not hold': {
    aws: '412 PreconditionFailed',
    compat: '412 PreconditionFailed',
    rgw: 'copied',
  },
  'completing twice': {
    aws: '404 NoSuchUpload',
    compat: '404 NoSuchUpload',
    rgw: 'completed again',
  },
  'parts listed out of order': {
    aws: '400 InvalidPartOrder',
    compat: 'completed',
    rgw: 'completed',
  },
  'part number 10,001': { aws: '400 InvalidArgument', compat: 'stored', rgw: 'stored' },
  'an x-amz- header that is not signed': {
    aws: '403 AccessDenied',
    compat: 'stored',
    rgw: 'stored',
  },
  'an unsigned x-amz-copy-source on a part': {
    aws: '403 AccessDenied',
    compat: 'copied',
    rgw: 'copied',
  },
  'an unsigned x-amz-copy-source on an object': {
    aws: '403 AccessDenied',
    compat: 'copied',
    rgw: 'copied',
  },
  'the same on a part, guarded by a signed x-amz-copy-source-if-match': {
    aws: '403 AccessDenied',
    compat: '412 PreconditionFailed',
    rgw: 'copied',
  },
  'the same on an object, guarded by a signed x-amz-copy-source-if-match': {
    aws: '403 AccessDenied',
    compat: '412 PreconditionFailed',
    rgw: 'copied',
  },
  'the same on a part, guarded by a signed, impossible x-amz-copy-source-range': {
    aws: '403 AccessDenied',
    compat: '416 InvalidRange',
    rgw: '416 InvalidRange',
  },
  'the same on an object, guarded by a signed, impossible x-amz-copy-source-range': {
    aws: '403 AccessDenied',
    compat: '416 InvalidRange',
    rgw: '416 InvalidRange',
  },
  'a body in aws-chunked encoding with a trailer': {
    aws: 'stored',
    compat: '411 MissingContentLength',
    rgw: '411 MissingContentLength',
  },
  'a browser asking before a part PUT': {
    aws: 'allowed, ETag visible',
    compat: 'allowed, ETag visible',
    rgw: 'refused',
  },
  'open uploads listed under part of their key': { aws: 'listed', compat: 'listed', rgw: 'listed' },
  'the parts of an aborted upload': {
    aws: '404 NoSuchUpload',
    compat: '404 NoSuchUpload',
    rgw: '404 NoSuchKey',
  },
  'completion after the abort': {
    aws: '404 NoSuchUpload',
    compat: '404 NoSuchUpload',
    rgw: '500 InternalError',
  },
}
