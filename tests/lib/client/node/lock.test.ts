import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lock } from '../../../../lib/client/node/lock.ts'

const aFile = async () => join(await mkdtemp(join(tmpdir(), 'jetty-lock-')), 'x.lock')

test('of two at the same time one is refused and told who has it; afterwards it is free', async () => {
  const file = await aFile()
  const taken = await Promise.allSettled([lock(file), lock(file)])
  expect(taken.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  await expect(lock(file)).rejects.toThrow(`process ${process.pid}`)
  for (const one of taken) if (one.status === 'fulfilled') await one.value()
  expect(await readdir(join(file, '..'))).toEqual([])
  await (await lock(file))()
})

test('what a killed process left is taken over', async () => {
  const file = await aFile()
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  await writeFile(file, String(pid))
  await (await lock(file))()
})
