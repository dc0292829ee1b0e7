import { createHmac } from 'node:crypto'
import { POST } from '../../api/storage/copy.ts'
import { aContent, type TestContent } from './content.ts'
import { type Answer, call } from './request.ts'
import { uploader, type Wanted } from './uploading.ts'

const MIB = 1024 * 1024

export type Challenge = {
  token: string
  nonce: string
  ranges: [offset: number, length: number][]
  expiresAt: string
}

/** What a holder of the bytes answers to a challenge. */
export function answerTo({ nonce, ranges }: Challenge, bytes: Buffer): string {
  const answer = createHmac('sha256', Buffer.from(nonce, 'base64'))
  for (const [offset, length] of ranges) answer.update(bytes.subarray(offset, offset + length))
  return answer.digest('base64')
}

/** The call that fills an upload from a stored copy, as one account. */
export function copier(apiKey: string) {
  const ask = (body: unknown): Promise<Answer> =>
    call(POST, 'POST', '/api/storage/copy', { as: apiKey, body })
  return {
    ask,
    /** With the right answer, as somebody who has the bytes. */
    prove: (opened: { uploadId: string; challenge: Challenge }, bytes: Buffer) =>
      ask({
        uploadId: opened.uploadId,
        proof: { token: opened.challenge.token, answer: answerTo(opened.challenge, bytes) },
      }),
    goOn: (uploadId: string) => ask({ uploadId, proven: true }),
  }
}

/** Starts one file and gives what its result says. */
export async function opening(apiKey: string, content: TestContent, wanted?: Wanted) {
  const { body } = await uploader(apiKey).start([content, wanted ?? { path: 'proven' }])
  return body.results[0]
}

/** Content of one part, just large enough to be challenged for. */
export function aSmallContent(): Promise<TestContent> {
  return aContent(MIB + 1)
}
