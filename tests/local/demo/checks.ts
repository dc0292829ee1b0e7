import { layoutOf } from '../../../lib/content/layout.ts'

/** More parts than this may take more than one call to sign (docs/api.md). */
const PARTS_IN_THREE_CALLS = 1_000
/** What functions may move of all that is moved: signatures, digests, SQL; and whatever the size, so much. */
const TRAFFIC_SHARE_MAX = 0.01
const TRAFFIC_BYTES_FREE = 4 * 1024 ** 2

export type Check = { promise: string; kept: boolean }

type Sent = { fileHash: string; sentBytes: number; duplicate: boolean; functionCalls: number }

/** What the checks look at of all that was measured. */
export type Facts = {
  emulated: { up: { uploaded: Sent }; down: { fetched: { fileHash: string } }; isSame: boolean }
  interrupted: {
    uploaded: Sent
    wasKilled: boolean
    sentInAll: number
    sentMax: number
    promise: string
    again: { uploaded: Sent }
  }
  raw: { up: { uploaded: Sent } }
  functions: { traffic: number }
}

/** What has to be true of a run, whatever its speed. */
export function checksOf({ emulated, interrupted, raw, functions }: Facts, size: number): Check[] {
  const { fileHash, functionCalls } = emulated.up.uploaded
  const { partCount } = layoutOf(size)
  const { sentInAll, again } = interrupted
  const moved = 4 * size
  const hashes = [emulated.down.fetched, interrupted.uploaded, again.uploaded, raw.up.uploaded]
  const checks: [string, boolean][] = [
    ['the download is the file, byte for byte', emulated.isSame],
    [
      'every upload and the download have the same content id',
      hashes.every((one) => one.fileHash === fileHash),
    ],
    [
      'an upload of up to 1,000 parts takes at most 3 function calls',
      partCount > PARTS_IN_THREE_CALLS || functionCalls <= 3,
    ],
    [
      'SIGKILL came before the end, and the same command finished',
      interrupted.wasKilled && interrupted.uploaded.sentBytes <= size,
    ],
    [interrupted.promise, sentInAll <= interrupted.sentMax],
    [
      'the same file again sends no bytes',
      again.uploaded.duplicate && again.uploaded.sentBytes === 0,
    ],
    [
      'no part went through a function',
      functions.traffic <= TRAFFIC_BYTES_FREE + moved * TRAFFIC_SHARE_MAX,
    ],
  ]
  return checks.map(([promise, kept]) => ({ promise, kept }))
}
