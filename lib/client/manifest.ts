import type { Chunks } from '../content/chunk.ts'
import { decodeManifest } from '../content/decode-manifest.ts'
import { manifestBytesMax } from '../content/manifest-format.ts'
import { backoffMs, wait } from './backoff.ts'
import type { Entry } from './entry.ts'
import { messageOf } from './failure.ts'
import type { Outline } from './outline.ts'
import type { Run } from './run.ts'
import { overEdge } from './sign.ts'
import type { Ways } from './wire.ts'
import type { DeltaBase, SignedRequest } from './wire-delta.ts'

const ATTEMPTS_MAX = 4
/** It shares the line with the parts. */
const STORE_LIMIT_MS = 120_000
/** The parts wait for it, so it must not take long; over a relay that hangs still less. */
const FETCH_LIMIT_MS = 10_000
const FETCH_LIMIT_OVER_RELAY_MS = 4_000

/**
 * Stores a file's manifest beside it, in the background: a later version of the file is compared with it. Tried a few times;
 * nothing waits for it or fails with it.
 */
export function storeManifest(
  run: Run,
  entry: Entry,
  { outline, put, ways }: { outline: Outline; put: SignedRequest; ways: Ways },
): void {
  const { manifest, sha256 } = outline
  const headers = { 'x-amz-checksum-sha256': sha256, ...put.headers }

  async function attempt(door: Door): Promise<void> {
    entry.manifestBytesSent += manifest.length
    run.meter.sentBeside(manifest.length)
    const { ok, status } = await through(door, put.url, {
      method: 'PUT',
      headers,
      body: manifest,
      signal: AbortSignal.any([run.signal, AbortSignal.timeout(STORE_LIMIT_MS)]),
    })
    if (!ok) throw new Error(`the store answered ${status}`)
  }

  run.background.begin()
  storeOver(run, doorsOf(run, ways), attempt)
    .catch((error) => run.noted(`the chunk manifest was not stored: ${messageOf(error)}`))
    .finally(run.background.end)
}

async function storeOver(
  run: Run,
  doors: Door[],
  attempt: (door: Door) => Promise<void>,
): Promise<void> {
  for (let attempts = 0; ; attempts += 1) {
    try {
      return await attempt(doors[attempts % doors.length] ?? DIRECT_DOOR)
    } catch (error) {
      if (run.signal.aborted || attempts + 1 >= ATTEMPTS_MAX) throw error
      await wait(backoffMs(attempts), run.signal)
    }
  }
}

/** The chunks of a stored file, as its manifest says; null where it cannot be had, or is none. Never throws. */
export async function fetchManifest(run: Run, base: DeltaBase, ways: Ways): Promise<Chunks | null> {
  for (const door of doorsOf(run, ways)) {
    try {
      const bytes = await fetchOver(run, door, base)
      if (bytes === null) {
        run.noted('the chunk manifest of the base is gone')
        return null
      }
      const manifest = await decodeManifest(bytes)
      if (manifest?.chunks.fileSize === base.fileSize) return manifest.chunks
      run.noted('the chunk manifest of the base is none')
      return null
    } catch (error) {
      if (run.signal.aborted) return null
      run.noted(`the chunk manifest of the base could not be read: ${messageOf(error)}`)
    }
  }
  return null
}

/** Null where the store has none: there is none behind another door, either. */
async function fetchOver(
  run: Run,
  door: Door,
  { manifestUrl, manifestBytes, fileSize }: DeltaBase,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const limitMs = door.edgeUrl === null ? FETCH_LIMIT_MS : FETCH_LIMIT_OVER_RELAY_MS
  const signal = AbortSignal.any([run.signal, AbortSignal.timeout(limitMs)])
  const response = await through(door, manifestUrl, { signal })
  if (response.status === 404) {
    await response.arrayBuffer()
    return null
  }
  if (!response.ok) throw new Error(`the store answered ${response.status}`)
  return await readAtMost(response, Math.min(manifestBytes, manifestBytesMax(fileSize)))
}

async function readAtMost(response: Response, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(most)
  let length = 0
  const reader = response.body?.getReader()
  for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
    if (length + next.value.length > most) throw new Error(`it has more than ${most} bytes`)
    bytes.set(next.value, length)
    length += next.value.length
  }
  return bytes.subarray(0, length)
}

/** A way to the store for what is small: over the nearest relay, whose connections are warm, or straight. */
type Door = { edgeUrl: string | null; headers: Record<string, string> }

const DIRECT_DOOR: Door = { edgeUrl: null, headers: {} }

function doorsOf({ directOnly }: Run, { edges, grant }: Ways): Door[] {
  const [nearest] = edges
  if (directOnly || !nearest || !grant) return [DIRECT_DOOR]
  return [{ edgeUrl: nearest.url, headers: { 'x-jetty-grant': grant.token } }, DIRECT_DOOR]
}

function through({ edgeUrl, headers }: Door, url: string, init: RequestInit): Promise<Response> {
  return fetch(edgeUrl === null ? url : overEdge(url, edgeUrl), {
    ...init,
    headers: { ...Object(init.headers), ...headers },
  })
}
