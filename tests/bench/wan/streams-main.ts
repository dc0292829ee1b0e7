import { createReadStream, statSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { StoreAccess } from './ways.ts'

const READ_BYTES = 1024 * 1024

export type StreamsOptions = StoreAccess & { file: string; streams: number }

// What anybody does without a client: the file as one PUT, or as so many equal slices at once, each an object of its own. All
// requests begin at the same time, over a connection each, and nothing is sent again.
const options: StreamsOptions = JSON.parse(process.argv[2] ?? '{}')
const { file, streams } = options
const { size } = statSync(file)
const slices = Array.from({ length: streams }, (_, at) => {
  const start = Math.floor((at * size) / streams)
  return { start, end: Math.floor(((at + 1) * size) / streams) }
})
const urls = await Promise.all(slices.map((_, at) => presigned(`streams/${process.pid}/${at}`)))
const agent = new Agent({ keepAlive: true, noDelay: true })
const cpuBefore = process.cpuUsage()
const begunAt = performance.now()
await Promise.all(slices.map((slice, at) => put(urls[at] ?? '', slice)))
const seconds = (performance.now() - begunAt) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
console.log(JSON.stringify({ seconds, workCpuSeconds: (user + system) / 1e6 }))
process.exit(0)

async function presigned(key: string): Promise<string> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = options
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  return await getSignedUrl(client, new PutObjectCommand({ Bucket: bucket, Key: key }))
}

function put(url: string, { start, end }: { start: number; end: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': end - start }
    const outgoing = request(url, { agent, method: 'PUT', headers }, (answer) => {
      answer.resume().once('end', () => {
        if (answer.statusCode === 200) resolve()
        else reject(new Error(`the store answered ${answer.statusCode}`))
      })
    })
    outgoing.on('error', reject)
    createReadStream(file, { start, end: end - 1, highWaterMark: READ_BYTES }).pipe(outgoing)
  })
}
