import { readFileSync } from 'node:fs'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import XhrOfNode from 'xhr2'

/** What Uppy expects of a browser: XMLHttpRequest that takes a Blob, and a window to hear of the network from. */
function pretendBrowser() {
  globalThis.window = globalThis
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: true }, configurable: true })
  globalThis.addEventListener ??= () => {}
  globalThis.removeEventListener ??= () => {}
  globalThis.XMLHttpRequest = class extends XhrOfNode {
    send(body) {
      if (!(body instanceof Blob)) return super.send(body)
      body.arrayBuffer().then((bytes) => super.send(bytes))
    }
  }
}

/**
 * @uppy/aws-s3 5: its last version that sends the parts of one file at the same time, 6 as it is by default. Part URLs are
 * signed right here, which costs no round trip; a page would ask its server.
 */
export async function prepare(options) {
  pretendBrowser()
  const [{ default: Uppy }, { default: AwsS3 }] = await Promise.all([
    import('@uppy/core'),
    import('@uppy/aws-s3'),
  ])
  const uppy = new Uppy()
  uppy.use(AwsS3, { shouldUseMultipart: true, ...signing(options) })
  const data = new Blob([readFileSync(options.file)])
  uppy.addFile({ name: 'file.bin', type: 'application/octet-stream', data, source: 'bench' })
  return async () => {
    const { failed } = await uppy.upload()
    if (failed.length > 0) throw new Error(String(failed[0].error))
  }
}

function signing({ endpoint, region, bucket: Bucket, accessKeyId, secretAccessKey }) {
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const Key = `uppy/${process.pid}`
  return {
    async createMultipartUpload() {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
      return { key: Key, uploadId: UploadId }
    },
    async signPart(_file, { uploadId: UploadId, partNumber: PartNumber }) {
      const command = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber })
      return { url: await getSignedUrl(client, command) }
    },
    listParts: async () => [],
    abortMultipartUpload: async () => {},
    async completeMultipartUpload(_file, { uploadId: UploadId, parts }) {
      const Parts = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }))
      const command = { Bucket, Key, UploadId, MultipartUpload: { Parts } }
      await client.send(new CompleteMultipartUploadCommand(command))
      return {}
    },
  }
}
