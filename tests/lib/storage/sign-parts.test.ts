import { PutObjectCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FILE_BYTES_MAX, layoutOf, partRange } from '../../../lib/content/layout.ts'
import { loadStorage, type Storage } from './open-store.ts'

const GUARD = {
  'x-amz-copy-source-if-match': '"jettyspeed-no-copies"',
  'x-amz-copy-source-range': 'bytes=5497558138880-5497558138880',
}
const ENDPOINTS = [
  'http://127.0.0.1:9000',
  'https://s3.us-east-1.lyvecloud.seagate.com',
  'https://s3.eu-west-1.someone.lyve.seagate.com:8443',
  'https://storage.example/prefix/',
]

const characters = fc.oneof(
  fc.constantFrom(...` '()*!,+&=/?#%{}äöü€😀~_-."<>|[]^$@:;`),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
)
const keys = fc.array(characters, { minLength: 1, maxLength: 60 }).map((list) => list.join(''))
const ourKeys = fc.stringMatching(/^users\/[A-Za-z0-9_.:@-]{1,20}\/[0-9a-f]{32}$/)
const targets = fc.record({
  key: fc.oneof(keys, ourKeys).filter(fitsUrl),
  s3UploadId: fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }),
  fileSize: fc.integer({ min: 0, max: FILE_BYTES_MAX }),
  isSinglePut: fc.boolean(),
  checksum: fc.constantFrom('sha256' as const, 'md5' as const),
  guarded: fc.boolean(),
})
const requests = fc.record({
  target: targets,
  part: fc.double({ min: 0, max: 1, noNaN: true }),
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  lifetimeSeconds: fc.integer({ min: 1, max: 7 * 24 * 3600 }),
  now: fc.date({
    min: new Date('2000-01-01'),
    max: new Date('2099-12-31'),
    noInvalidDate: true,
  }),
})

test.each(ENDPOINTS)(
  'URLs at %s are those of the SDK presigner, byte for byte',
  async (endpoint) => {
    const storage = await loadStorage(endpoint)
    const plain = sdkClient(storage, {})
    const guarding = sdkClient(storage, GUARD)

    const same = fc.asyncProperty(requests, async ({ target, part, digest, ...signing }) => {
      const { isSinglePut, guarded, checksum } = target
      const fileSize = isSinglePut ? target.fileSize % (16 * 1024 ** 2) : target.fileSize
      const s3UploadId = isSinglePut ? null : target.s3UploadId
      const layout = layoutOf(fileSize)
      const partNumber = 1 + Math.round(part * (layout.partCount - 1))
      const text = Buffer.from(checksum === 'md5' ? digest.slice(0, 16) : digest).toString('base64')

      const object = { key: target.key, s3UploadId, fileSize, checksum, guarded }
      const { lifetimeSeconds, now } = signing
      const parts = [{ partNumber, digest: text }]
      const signed = storage.signParts(object, parts, lifetimeSeconds, now)
      const request = { ...object, partNumber, digest: text }
      const expected = await sdkUrl(storage, request, {
        client: guarded ? guarding : plain,
        expiresIn: lifetimeSeconds,
        signingDate: now,
      })
      const signature = signed.signatures[partNumber] ?? ''
      const filled = signed.url
        .replace('{partNumber}', String(partNumber))
        .replace('{signature}', signature)
      expect(filled).toBe(expected)
      expect(signed.headers).toEqual(guarded ? GUARD : {})
    })
    await fc.assert(same, { numRuns: 150 })
  },
)

test('the signature binds length, digest and, where asked for, the guard', async () => {
  const { signParts } = await loadStorage('https://s3.example')
  const part = [{ partNumber: 1, digest: 'AAAA' }]
  const object = { key: 'users/u/1', s3UploadId: null, fileSize: 5, guarded: false } as const
  const namesOf = (target: Parameters<typeof signParts>[0]) =>
    new URL(signParts(target, part, 900).url).searchParams.get('X-Amz-SignedHeaders')

  expect(namesOf({ ...object, checksum: 'sha256' })).toBe(
    'content-length;host;x-amz-checksum-sha256',
  )
  expect(namesOf({ ...object, checksum: 'md5' })).toBe('content-length;content-md5;host')
  expect(namesOf({ ...object, checksum: 'sha256', guarded: true })).toBe(
    'content-length;host;x-amz-checksum-sha256;x-amz-copy-source-if-match;x-amz-copy-source-range',
  )
})

test('many parts share one URL; each has the signature it would have alone', async () => {
  const { signParts } = await loadStorage('https://s3.example')
  const fileSize = 600 * 1024 ** 2
  const object = {
    key: 'k',
    s3UploadId: 'id',
    fileSize,
    checksum: 'sha256',
    guarded: false,
  } as const
  const { partCount } = layoutOf(fileSize)
  const parts = Array.from({ length: partCount }, (_, index) => ({
    partNumber: index + 1,
    digest: Buffer.alloc(32, index).toString('base64'),
  }))
  const now = new Date('2026-11-23T23:59:59.900Z')
  const all = signParts(object, parts, 900, now)
  expect(Object.keys(all.signatures)).toHaveLength(partCount)
  expect(new Set(Object.values(all.signatures)).size).toBe(partCount)
  for (const part of [parts[0], parts[37], parts[partCount - 1]]) {
    if (!part) throw new Error('the file has fewer parts than this test takes')
    const alone = signParts(object, [part], 900, now)
    expect(alone.signatures[part.partNumber]).toBe(all.signatures[part.partNumber])
    expect(alone.url).toBe(all.url)
  }
  expect(all.expiresAt).toBe('2026-11-24T00:14:59.000Z')
})

test('a part that the file does not have is not signed', async () => {
  const { signParts } = await loadStorage('https://s3.example')
  const object = { key: 'k', s3UploadId: 'id', checksum: 'sha256', guarded: false } as const
  for (const [fileSize, partNumber] of [
    [17 * 1024 ** 2, 0],
    [17 * 1024 ** 2, 5],
    [0, 2],
    [17 * 1024 ** 2, Number.NaN],
  ] as const) {
    const parts = [{ partNumber, digest: '' }]
    expect(() => signParts({ ...object, fileSize }, parts, 900)).toThrow(RangeError)
  }
})

test('part URLs live for twice the time at 10 Mbit/s, 15 minutes to 24 hours', async () => {
  const { partLifetimeSeconds } = await loadStorage('https://s3.example')
  expect(partLifetimeSeconds(0)).toBe(900)
  expect(partLifetimeSeconds(562_500_000)).toBe(900)
  expect(partLifetimeSeconds(562_500_001)).toBe(901)
  expect(partLifetimeSeconds(1_250_000_000)).toBe(2_000)
  expect(partLifetimeSeconds(54_000_000_000)).toBe(86_400)
  expect(partLifetimeSeconds(5 * 1024 ** 4)).toBe(86_400)
})

/** No client can ask for the others: lone surrogates have no UTF-8, and URLs lose their dot segments. */
function fitsUrl(key: string): boolean {
  const isDots = (segment: string) => segment === '.' || segment === '..'
  return !/\p{Cs}/u.test(key) && !key.split('/').some(isDots)
}

function sdkClient({ store }: Storage, headers: Record<string, string>): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = store
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  client.middlewareStack.add(
    (next) => (args) => {
      // The SDK types the request as unknown here; after serialising it is an HTTP request with headers.
      const { request } = args as { request: { headers: Record<string, string> } }
      Object.assign(request.headers, headers)
      return next(args)
    },
    { step: 'build' },
  )
  return client
}

type SdkRequest = Parameters<Storage['signParts']>[0] & { partNumber: number; digest: string }

type SdkSigning = { client: S3Client; expiresIn: number; signingDate: Date }

async function sdkUrl({ store }: Storage, request: SdkRequest, signing: SdkSigning) {
  const { key, s3UploadId, fileSize, checksum, partNumber, digest } = request
  const { client, ...options } = signing
  const input = {
    Bucket: store.bucket,
    Key: key,
    ContentLength: partRange(layoutOf(fileSize), partNumber).length,
    ...(checksum === 'sha256' ? { ChecksumSHA256: digest } : { ContentMD5: digest }),
  }
  const unhoistableHeaders = new Set(['x-amz-checksum-sha256', ...Object.keys(GUARD)])
  const how = { ...options, unhoistableHeaders }
  if (s3UploadId === null) return await getSignedUrl(client, new PutObjectCommand(input), how)
  const part = { ...input, UploadId: s3UploadId, PartNumber: partNumber }
  return await getSignedUrl(client, new UploadPartCommand(part), how)
}
