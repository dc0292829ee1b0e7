import { ACCESS_QUESTIONS } from './s3-access-questions.ts'
import { CHECKSUM_QUESTIONS } from './s3-checksum-questions.ts'
import { MULTIPART_QUESTIONS } from './s3-multipart-questions.ts'

/**
 * What stores differ in: each question is put to one store and gives its answer in a few words. s3-answers.ts says which
 * answer to expect of whom.
 */
export const S3_QUESTIONS = { ...CHECKSUM_QUESTIONS, ...MULTIPART_QUESTIONS, ...ACCESS_QUESTIONS }

export type S3Question = keyof typeof S3_QUESTIONS
