import { mkdtemp, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { REAL_FILES, type RealFile } from './real-files.ts'
import type { Cost, World } from './world.ts'

export type RealRow = {
  what: string
  size: number
  /** By way; null where a client is not installed. */
  costs: Record<string, Cost | null>
}

export const REAL_WAYS = ['delta', 'ours, whole', 'rclone', 'awscli'] as const

/** The second version of each file: against the first, whole, and by published clients. One that cannot be made is named. */
export async function measureReal(world: World, names: string[]): Promise<RealRow[]> {
  const rows: RealRow[] = []
  for (const file of REAL_FILES.filter(({ name }) => names.includes(name))) {
    const folder = await mkdtemp(join(world.folder, `${file.name}-`))
    try {
      rows.push(await measure(world, file, folder))
    } catch (error) {
      console.log(`  skipped ${file.name}: ${error instanceof Error ? error.message : error}`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  return rows
}

async function measure(world: World, file: RealFile, folder: string): Promise<RealRow> {
  const { before, after } = await file.make(folder)
  const { size } = await stat(after)
  const account = await world.anAccount()
  await account.upload(before, '--to', 'before')
  const base = `before/${before.split('/').pop()}`
  const costs: RealRow['costs'] = {
    delta: await account.upload(after, '--to', 'after', '--base', base),
    'ours, whole': await (await world.anAccount()).upload(after, '--no-delta'),
    rclone: await world.peer('rclone16', after),
    awscli: await world.peer('awscli', after),
  }
  console.log(`  ${file.what}: ${costs.delta?.sentBytes} of ${size} bytes`)
  return { what: file.what, size, costs }
}
