import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { DELETE, GET, PATCH, POST, PUT } from '../../api/storage/upload.ts'
import { partOf, type TestContent } from './content.ts'
import { type Answer, call } from './request.ts'

const PATH = '/api/storage/upload'

/** What a test says of a file besides its content. */
export type Wanted = {
  path: string
  ifNew?: boolean
  contentType?: string
  manifest?: { bytes: number; sha256: string }
  sketch?: { distinctBytes: number; bins: string }
  baseFileId?: string
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests
type Result = any

/** The five calls of an upload, as one account. */
export function uploader(apiKey: string) {
  const ask = (handler: typeof POST, method: string, body: unknown) =>
    call(handler, method, PATH, { as: apiKey, body })
  return {
    start: (...files: [TestContent, Wanted][]): Promise<Answer> =>
      ask(POST, 'POST', { files: files.map(([content, wanted]) => startOf(content, wanted)) }),
    sign: (uploads: object[]): Promise<Answer> => ask(PATCH, 'PATCH', { uploads }),
    complete: (...uploadIds: string[]): Promise<Answer> =>
      ask(PUT, 'PUT', { uploads: uploadIds.map((uploadId) => ({ uploadId })) }),
    read: (uploadId: string): Promise<Answer> =>
      call(GET, 'GET', `${PATH}?uploadId=${uploadId}`, { as: apiKey }),
    list: (query = ''): Promise<Answer> => call(GET, 'GET', `${PATH}?${query}`, { as: apiKey }),
    abort: (uploadId: string): Promise<Answer> =>
      call(DELETE, 'DELETE', `${PATH}?uploadId=${uploadId}`, { as: apiKey }),
  }
}

/** The body of a start for one file. */
export function startOf({ fileSize, fileHash, partHashes }: TestContent, wanted: Wanted) {
  return { fileSize, fileHash, partHashes, ...wanted }
}

/** Sends parts as a client would: the template filled in, the digest as a header. All that are signed unless named. */
export async function sendParts(
  result: Result,
  content: TestContent,
  partNumbers?: number[],
): Promise<number[]> {
  const signed = Object.keys(result.signed.signatures).map(Number)
  const statuses: number[] = []
  for (const partNumber of partNumbers ?? signed) {
    const response = await sendPart(result, content, partNumber)
    statuses.push(response.status)
  }
  return statuses
}

export async function sendPart(
  result: Result,
  content: TestContent,
  partNumber: number,
): Promise<Response> {
  const { url, headers, signatures } = result.signed
  const digest =
    result.checksum === 'md5'
      ? { 'content-md5': content.partMd5s[partNumber - 1] ?? '' }
      : { 'x-amz-checksum-sha256': content.partHashes[partNumber - 1] ?? '' }
  const target = fill(url, partNumber, signatures[partNumber])
  return await put(target, { ...headers, ...digest }, partOf(content, partNumber))
}

/** As `fetch` does it, which copies the bytes twice: tests send gigabytes. */
async function put(url: string, headers: object, body: Buffer): Promise<Response> {
  const options = {
    method: 'PUT',
    headers: { ...headers, 'content-length': String(body.length) },
  }
  const answer = await new Promise<IncomingMessage>((answered, failed) => {
    request(url, options, answered).once('error', failed).end(body)
  })
  const said = Object.entries(answer.headers)
  return new Response(await text(answer), {
    status: answer.statusCode,
    headers: said.map(([name, value]): [string, string] => [name, String(value)]),
  })
}

export function fill(url: string, partNumber: number, signature: string): string {
  return url.replace('{partNumber}', String(partNumber)).replace('{signature}', signature)
}

/** Uploads a content whole and answers the file id. */
export async function uploadWhole(
  apiKey: string,
  content: TestContent,
  path: string,
): Promise<string> {
  const { start, complete } = uploader(apiKey)
  const started = await start([content, { path }])
  const [result] = started.body.results
  if (result.status === 'stored') return result.fileId
  await sendParts(result, content)
  const completed = await complete(result.uploadId)
  return completed.body.results[0].files[0].fileId
}

/** What the account's row says: bytes used and reserved. */
export async function usageOf(accountId: string): Promise<{ used: number; reserved: number }> {
  const { query } = await import('../../lib/db/client.ts')
  const { sql } = await import('../../lib/vendor/orm.js')
  const [row] = await query(
    sql`SELECT storage_used_bytes, storage_reserved_bytes FROM agentcache_accounts WHERE id = ${accountId}`,
  )
  return { used: Number(row?.storage_used_bytes), reserved: Number(row?.storage_reserved_bytes) }
}
