import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { rememberWays } from '../../../lib/cli/ways.ts'
import { type Api, createApi } from '../../../lib/client/api.ts'
import type { FileOutcome } from '../../../lib/client/entry.ts'
import { fileSource } from '../../../lib/client/node/file-source.ts'
import { createHashPool } from '../../../lib/client/node/hash-pool.ts'
import { createSender } from '../../../lib/client/node/send-part.ts'
import type { Source } from '../../../lib/client/source.ts'
import { uploadFiles } from '../../../lib/client/upload.ts'

export type OursOptions = { url: string; apiKey: string; file: string; directOnly: boolean }

// One upload with this project's client, as `jetty upload` makes it. Says {"half":true} when half of the file is sent, and at
// the end what it measured, each as a line of JSON.
const { url, apiKey, file, directOnly }: OursOptions = JSON.parse(process.argv[2] ?? '{}')
const times = { callAt: 0, hashMs: 0, firstSendAt: 0, lastStoredAt: 0 }
let sentBytes = 0
let isHalfTold = false

const tools = { pool: createHashPool(), sender: createSender() }
const stats = await stat(file, { bigint: true })
const name = basename(file)
const source = watched(fileSource(file, stats, tools))
const cpuBefore = process.cpuUsage()
const outcomes: FileOutcome[] = []
const troubles: string[] = []
const summary = await uploadFiles([{ path: `${process.pid}/${name}`, name, source }], {
  api: timed(createApi({ url, apiKey })),
  directOnly,
  ways: directOnly ? undefined : rememberWays(url),
  connector: tools.sender.connector,
  expected: { files: 1, bytes: source.size },
  onFile: (outcome) => outcomes.push(outcome),
  onProgress: ({ bytesDone }) => tellHalf(bytesDone),
  onTrouble: (routeId, { message }) => troubles.push(`${routeId}: ${message}`),
})
const storedAt = performance.now()
const { user, system } = process.cpuUsage(cpuBefore)
const [outcome] = outcomes
if (!outcome?.result) throw outcome?.error ?? new Error('no outcome')
if (outcome.result.duplicate)
  throw new Error('The content was stored before; nothing was measured.')

console.log(
  JSON.stringify({
    seconds: (storedAt - times.callAt) / 1000,
    transferSeconds: (times.lastStoredAt - times.firstSendAt) / 1000,
    hashSeconds: times.hashMs / 1000,
    workCpuSeconds: (user + system) / 1e6,
    sentBytes,
    functionCalls: summary.functionCalls,
    perPath: summary.progress.perPath,
    troubles: troubles.slice(0, 5),
  }),
)
process.exit(0)

/** The source, with the time its parts begin and end and the bytes that the connections took, hedged and lost ones too. */
function watched(inner: Source): Source {
  return {
    ...inner,
    async digest(options) {
      const begunAt = performance.now()
      const digests = await inner.digest(options)
      times.hashMs += performance.now() - begunAt
      return digests
    },
    async send(request) {
      times.firstSendAt ||= performance.now()
      let taken = 0
      const onSent = (bytes: number) => {
        sentBytes += bytes - taken
        taken = bytes
        request.onSent(bytes)
      }
      const answer = await inner.send({ ...request, onSent })
      if (answer.status === 200) times.lastStoredAt = performance.now()
      return answer
    },
  }
}

function timed(inner: Api): Api {
  return {
    ...inner,
    call: (method, path, body) => {
      times.callAt ||= performance.now()
      return inner.call(method, path, body)
    },
  }
}

function tellHalf(bytesDone: number): void {
  if (isHalfTold || bytesDone < source.size / 2) return
  isHalfTold = true
  console.log(JSON.stringify({ half: true }))
}
