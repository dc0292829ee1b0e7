import { bucketOf, type Call, integer, type Reply } from './call.ts'
import { refuse } from './refuse.ts'
import type { StoredObject } from './state.ts'
import { type Content, document } from './xml.ts'

const PAGE_KEYS = 1_000
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** ListBuckets. */
export async function listBuckets(call: Call): Promise<Reply> {
  const owner = { ID: call.store.accessKeyId, DisplayName: call.store.accessKeyId }
  const buckets = Array.from(call.store.state.buckets.values(), ({ name, createdAt }) => ({
    Name: name,
    CreationDate: createdAt,
  }))
  return {
    status: 200,
    xml: document('ListAllMyBucketsResult', { Owner: owner, Buckets: { Bucket: buckets } }),
  }
}

/** CreateBucket. */
export async function createBucket(call: Call): Promise<Reply> {
  if (!BUCKET_NAME.test(call.bucket)) throw refuse('InvalidBucketName')
  if (call.store.state.buckets.has(call.bucket)) throw refuse('BucketAlreadyOwnedByYou')
  call.store.state.commit({
    type: 'bucket',
    name: call.bucket,
    createdAt: new Date().toISOString(),
  })
  return { status: 200, headers: { location: `/${call.bucket}` } }
}

/** HeadBucket. */
export async function headBucket(call: Call): Promise<Reply> {
  bucketOf(call)
  return { status: 200, headers: { 'x-amz-bucket-region': call.store.region } }
}

/** GetBucketLocation. */
export async function bucketLocation(call: Call): Promise<Reply> {
  bucketOf(call)
  return { status: 200, xml: document('LocationConstraint', call.store.region) }
}

/** ListObjectsV2 and its predecessor: by key, folded at a delimiter, at most 1,000 a page. */
export async function listObjects(call: Call): Promise<Reply> {
  const bucket = bucketOf(call)
  const parameter = (name: string) => call.query.get(name) ?? ''
  const second = parameter('list-type') === '2'
  const prefix = parameter('prefix')
  const delimiter = parameter('delimiter')
  const token = parameter('continuation-token')
  const after = second ? decodeToken(token) || parameter('start-after') : parameter('marker')
  const max = integer(call, 'max-keys', { min: 0, max: PAGE_KEYS, otherwise: PAGE_KEYS })

  const page = pageOf(bucket.objects, { prefix, delimiter, after, max })
  const write = parameter('encoding-type') === 'url' ? encodeURIComponent : (key: string) => key
  return {
    status: 200,
    xml: document('ListBucketResult', {
      Name: bucket.name,
      Prefix: write(prefix),
      Delimiter: delimiter ? write(delimiter) : undefined,
      MaxKeys: max,
      EncodingType: parameter('encoding-type') || undefined,
      IsTruncated: page.truncated,
      KeyCount: second ? page.objects.length + page.folders.length : undefined,
      ContinuationToken: token || undefined,
      NextContinuationToken: second && page.truncated ? encodeToken(page.last) : undefined,
      NextMarker: !second && page.truncated ? write(page.last) : undefined,
      Contents: page.objects.map((object) => contents(object, write)),
      CommonPrefixes: page.folders.map((folder) => ({ Prefix: write(folder) })),
    }),
  }
}

/** ListMultipartUploads: the open uploads under a prefix, by key, at most 1,000 a page. */
export async function listUploads(call: Call): Promise<Reply> {
  bucketOf(call)
  const prefix = call.query.get('prefix') ?? ''
  const keyMarker = call.query.get('key-marker') ?? ''
  const idMarker = call.query.get('upload-id-marker') ?? ''
  const max = integer(call, 'max-uploads', { min: 1, max: PAGE_KEYS, otherwise: PAGE_KEYS })

  const order = ({ key, uploadId }: { key: string; uploadId: string }) => `${key}\0${uploadId}`
  // Without an upload id the marker's own key is passed over as a whole.
  const marker = order({ key: keyMarker, uploadId: idMarker || '\uffff' })
  const open = Array.from(call.store.state.uploads.values())
    .filter(({ bucket, key }) => bucket === call.bucket && key.startsWith(prefix))
    .filter((upload) => !keyMarker || order(upload) > marker)
    .sort((one, other) => (order(one) < order(other) ? -1 : 1))
  const page = open.slice(0, max)
  return {
    status: 200,
    xml: document('ListMultipartUploadsResult', {
      Bucket: call.bucket,
      Prefix: prefix,
      KeyMarker: keyMarker,
      UploadIdMarker: idMarker,
      NextKeyMarker: page.at(-1)?.key,
      NextUploadIdMarker: page.at(-1)?.uploadId,
      MaxUploads: max,
      IsTruncated: open.length > page.length,
      Upload: page.map(({ key, uploadId, initiated }) => ({
        Key: key,
        UploadId: uploadId,
        Initiated: initiated,
      })),
    }),
  }
}

type Page = { objects: StoredObject[]; folders: string[]; truncated: boolean; last: string }

function pageOf(
  objects: Map<string, StoredObject>,
  {
    prefix,
    delimiter,
    after,
    max,
  }: { prefix: string; delimiter: string; after: string; max: number },
): Page {
  const page: Page = { objects: [], folders: [], truncated: false, last: '' }
  const keys = Array.from(objects.keys()).filter((key) => key.startsWith(prefix) && key > after)
  for (const key of keys.sort()) {
    const object = objects.get(key)
    const folder = folderOf(key, prefix, delimiter)
    // A folder counts once, and not again on the page that follows it.
    if (!object || (folder && (folder === page.last || folder === after))) continue
    if (page.objects.length + page.folders.length >= max) {
      page.truncated = max > 0
      break
    }
    if (folder) page.folders.push(folder)
    else page.objects.push(object)
    page.last = folder ?? key
  }
  return page
}

function folderOf(key: string, prefix: string, delimiter: string): string | undefined {
  const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : key.slice(0, at + delimiter.length)
}

function contents(object: StoredObject, write: (key: string) => string): Content {
  return {
    Key: write(object.key),
    LastModified: object.lastModified,
    ETag: `"${object.etag}"`,
    Size: object.size,
    StorageClass: 'STANDARD',
    ChecksumAlgorithm: object.checksum?.algorithm.toUpperCase(),
  }
}

function encodeToken(key: string): string {
  return Buffer.from(key).toString('base64url')
}

function decodeToken(token: string): string {
  return Buffer.from(token, 'base64url').toString('utf8')
}
