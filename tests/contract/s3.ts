import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { S3_ANSWERS, type S3Backend } from './s3-answers.ts'
import { listingCases } from './s3-listing-cases.ts'
import { multipartCases } from './s3-multipart-cases.ts'
import { objectCases } from './s3-object-cases.ts'
import { S3_QUESTIONS, type S3Question } from './s3-questions.ts'
import { senderCases } from './s3-sender-cases.ts'
import { signatureCases } from './s3-signature-cases.ts'
import { makeTarget, type S3Address, type S3Target } from './s3-target.ts'

const START_MS_MAX = 90_000

/** A store that runs for the time of the suite. */
export type StartedStore = S3Address & { stop(): Promise<void> }

/**
 * The contract of an S3 store: core cases, which every store passes, and one case for each question whose answer per
 * store stands in s3-answers.ts.
 */
export function s3Contract(backend: S3Backend, start: () => Promise<StartedStore>): void {
  describe(`S3 contract on ${backend}`, () => {
    let store: StartedStore | undefined
    let target: S3Target | undefined
    beforeAll(async () => {
      store = await start()
      target = makeTarget(store)
    }, START_MS_MAX)
    afterAll(() => store?.stop())

    const running = () => {
      if (!target) throw new Error('The store did not start')
      return target
    }
    objectCases(running)
    signatureCases(running)
    listingCases(running)
    multipartCases(running)
    senderCases(running)
    for (const question of Object.keys(S3_QUESTIONS) as S3Question[]) {
      test(`what it answers to ${question} is declared`, async () => {
        const answer = await S3_QUESTIONS[question](running())
        expect(answer).toBe(S3_ANSWERS[question][backend])
      })
    }
  })
}
