import { type Call, type Reply, setting } from './call.ts'
import { completeUpload } from './complete.ts'
import { copyObject, copyPart } from './copy.ts'
import {
  bucketLocation,
  createBucket,
  headBucket,
  listBuckets,
  listObjects,
  listUploads,
} from './listing.ts'
import { abortUpload, createUpload, listParts, uploadPart } from './multipart.ts'
import { deleteObject, getObject, getObjectAttributes, putObject } from './objects.ts'
import { refuse } from './refuse.ts'

/** One S3 operation. `payloadHash` is what the signature says of the body. */
export type Operation = (call: Call, payloadHash: string) => Promise<Reply>

/** Parameters that name another thing than the object or bucket itself; those no table below has are not implemented. */
const SUBRESOURCES = [
  'accelerate', 'acl', 'analytics', 'attributes', 'cors', 'delete', 'encryption', 'inventory', 'legal-hold', 'lifecycle',
  'location', 'logging', 'notification', 'object-lock', 'ownershipControls', 'policy', 'policyStatus',
  'publicAccessBlock', 'replication', 'requestPayment', 'restore', 'retention', 'select', 'tagging', 'torrent',
  'uploadId', 'uploads', 'versioning', 'versionId', 'versions', 'website',
] // biome-ignore format: a list

const SERVICE: Record<string, Operation> = { GET: listBuckets }

const BUCKET: Record<string, Operation> = {
  GET: listObjects,
  HEAD: headBucket,
  PUT: createBucket,
  'GET location': bucketLocation,
  'GET uploads': listUploads,
}

const OBJECT: Record<string, Operation> = {
  GET: getObject,
  HEAD: getObject,
  PUT: putObject,
  'PUT copy': copyObject,
  DELETE: deleteObject,
  'GET attributes': getObjectAttributes,
  'POST uploads': createUpload,
  'GET uploadId': listParts,
  'PUT uploadId': uploadPart,
  'PUT uploadId copy': copyPart,
  'POST uploadId': completeUpload,
  'DELETE uploadId': abortUpload,
}

/**
 * The operation a request asks for: method, kind of path, subresource, and whether the bytes come from another object.
 *
 * @throws NotImplemented, MethodNotAllowed
 */
export function operationOf(call: Call): Operation {
  const table = tableOf(call)
  const words = [call.method, ...SUBRESOURCES.filter((name) => call.query.has(name))]
  if (call.method === 'PUT' && setting(call, 'x-amz-copy-source') !== undefined) words.push('copy')

  const operation = table[words.join(' ')]
  if (operation) return operation
  if (words.length > 1)
    throw refuse('NotImplemented', `This server does not implement ${words.join(' ')}.`)
  throw refuse('MethodNotAllowed')
}

function tableOf({ bucket, key }: Call): Record<string, Operation> {
  if (key !== '') return OBJECT
  return bucket !== '' ? BUCKET : SERVICE
}
