import { randomBytes, randomInt } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cost, World } from './world.ts'

const KIB = 1024
const MIB = 1024 * KIB
const FILE_BYTES = 256 * MIB
const EDITS = 10
const EDIT_BYTES = 4 * KIB
const APART_BYTES = 10 * MIB

export type ChangeRow = { change: string; size: number; cost: Cost; most: string }

type Change = { change: string; most: string; make: (base: Buffer) => Buffer }

const CHANGES: Change[] = [
  { change: '1 byte inserted', most: '4.2 %', make: (base) => inserted(base, 1) },
  { change: '256 KiB inserted', most: '4.2 %', make: (base) => inserted(base, 256 * KIB) },
  {
    change: '3 MiB appended',
    most: '4.2 %',
    make: (base) => Buffer.concat([base, randomBytes(3 * MIB)]),
  },
  { change: '10 edits of 4 KiB', most: '22 %', make: edited },
]

/** 256 random MiB and what each change to them sends: the changed file beside the stored one, which is named as its base. */
export async function measureChanges({ folder, anAccount }: World): Promise<ChangeRow[]> {
  const account = await anAccount()
  const file = join(folder, 'base.bin')
  const base = randomBytes(FILE_BYTES)
  await writeFile(file, base)
  const rows: ChangeRow[] = []
  const note = (row: Omit<ChangeRow, 'size'>, size = FILE_BYTES) => {
    rows.push({ ...row, size })
    console.log(`  ${row.change}: ${row.cost.sentBytes} bytes`)
  }

  note({ change: 'first upload', most: '-', cost: await account.upload(file) })
  note({ change: 'nothing', most: '0', cost: await account.upload(file) })
  note({ change: 'moved', most: '0', cost: await account.upload(file, '--to', 'moved') })
  await rename(file, join(folder, 'renamed.bin'))
  note({ change: 'renamed', most: '0', cost: await account.upload(join(folder, 'renamed.bin')) })
  await rm(join(folder, 'renamed.bin'))
  for (const [index, { change, most, make }] of CHANGES.entries()) {
    const content = make(base)
    await writeFile(file, content)
    const cost = await account.upload(file, '--to', `${index}`, '--base', 'base.bin')
    note({ change, cost, most }, content.length)
  }
  await rm(file)
  return rows
}

function inserted(base: Buffer, bytes: number): Buffer {
  const at = randomInt(base.length)
  return Buffer.concat([base.subarray(0, at), randomBytes(bytes), base.subarray(at)])
}

/** Anywhere, but at least 10 MiB apart. */
function edited(base: Buffer): Buffer {
  const file = Buffer.from(base)
  const free = base.length - EDITS * APART_BYTES
  const places = Array.from({ length: EDITS }, () => randomInt(free)).sort((a, b) => a - b)
  for (const [index, place] of places.entries()) {
    randomBytes(EDIT_BYTES).copy(file, place + index * APART_BYTES)
  }
  return file
}
