import { createHash, randomBytes, randomInt } from 'node:crypto'
import { type Chunks, chunkFile } from '../../lib/content/chunk.ts'
import { encodeManifest } from '../../lib/content/encode-manifest.ts'
import { layoutOf } from '../../lib/content/layout.ts'
import { bytesToSend, type PartSource, planDelta } from '../../lib/content/plan-delta.ts'

const KIB = 1024
const MIB = 1024 * KIB
const FILE_BYTES = 256 * MIB
const TRIES = 12

type Row = {
  change: string
  tries: number
  'mean sent': string
  'most sent': string
  target: string
}

/** What of a changed file of 256 random MiB has to be sent, its manifest included; each try changes it elsewhere. */
export async function benchDeltas(): Promise<Row[]> {
  const base = randomBytes(FILE_BYTES)
  const chunks = await chunksOf(base)
  const insert = (bytes: number) => {
    const at = randomInt(base.length)
    return Buffer.concat([base.subarray(0, at), randomBytes(bytes), base.subarray(at)])
  }
  const against = (file: Buffer) => shareSent({ base, chunks }, file)
  return [
    await measure('nothing', '0', async () => bytesToSend(planDelta(chunks, chunks)) / FILE_BYTES),
    await measure('1 byte inserted', '4.2 %', () => against(insert(1))),
    await measure('256 KiB inserted', '4.2 %', () => against(insert(256 * KIB))),
    await measure('3 MiB appended', '4.2 %', () =>
      against(Buffer.concat([base, randomBytes(3 * MIB)])),
    ),
    await measure('10 edits of 4 KiB in place', '22 %', () => against(editedTenfold(base))),
    await measure('the same, each within 16 KiB of the end of a part', '22 %', () =>
      against(editedAtEnds(base)),
    ),
  ]
}

async function measure(change: string, target: string, share: () => Promise<number>): Promise<Row> {
  const shares = []
  for (let count = 0; count < TRIES; count++) shares.push(await share())
  const percent = (part: number) => `${(part * 100).toFixed(2)} %`
  const mean = shares.reduce((sum, one) => sum + one, 0) / TRIES
  return {
    change,
    tries: TRIES,
    'mean sent': percent(mean),
    'most sent': percent(Math.max(...shares)),
    target,
  }
}

/** At least 10 MiB apart, and anywhere else. */
function editedTenfold(base: Buffer): Buffer {
  const file = Buffer.from(base)
  const free = FILE_BYTES - 10 * 10 * MIB
  const places = Array.from({ length: 10 }, () => randomInt(free)).sort((a, b) => a - b)
  for (const [index, place] of places.entries()) {
    randomBytes(4 * KIB).copy(file, place + index * 10 * MIB)
  }
  return file
}

/** The worst places: what an edit takes along often reaches into the next part, the edit itself never does. */
function editedAtEnds(base: Buffer): Buffer {
  const file = Buffer.from(base)
  for (let edit = 1; edit <= 10; edit++) {
    randomBytes(4 * KIB).copy(file, edit * 25 * MIB - 4 * KIB - randomInt(12 * KIB))
  }
  return file
}

async function shareSent(
  { base, chunks }: { base: Buffer; chunks: Chunks },
  file: Buffer,
): Promise<number> {
  const own = await chunksOf(file)
  const { partCount } = layoutOf(file.length)
  const manifest = await encodeManifest({
    fileHash: `sha256:${'0'.repeat(64)}-${partCount}`,
    chunks: own,
  })
  return (bytesSent(planDelta(chunks, own), { base, file }) + manifest.length) / FILE_BYTES
}

/** Copies that turn out to be of other bytes are refused by their digests, and those parts sent. */
function bytesSent(sources: PartSource[], { base, file }: { base: Buffer; file: Buffer }): number {
  let offset = 0
  let bytes = 0
  for (const { length, baseOffset } of sources) {
    const part = file.subarray(offset, offset + length)
    const isCopied =
      baseOffset !== null && base.subarray(baseOffset, baseOffset + length).equals(part)
    if (!isCopied) bytes += length
    offset += length
  }
  return bytes
}

function chunksOf(file: Buffer): Promise<Chunks> {
  return chunkFile([new Uint8Array(file.buffer as ArrayBuffer, file.byteOffset, file.length)], {
    fileSize: file.length,
    digest: (bytes) => createHash('sha256').update(bytes).digest(),
  })
}
