import { open, readFile, rm } from 'node:fs/promises'

/** Lets go of a lock. */
export type Unlock = () => Promise<void>

/**
 * Takes a lock that is a file with this process's id in it. One left by a process that is gone is taken over, so a kill
 * leaves nothing to tidy up.
 *
 * @throws Error where a process that lives holds it
 */
export async function lock(file: string): Promise<Unlock> {
  const taken = (await take(file)) || ((await isLeftOver(file)) && (await take(file)))
  if (taken) return () => rm(file, { force: true })
  const holder = await readFile(file, 'utf8').catch(() => 'unknown')
  throw new Error(`process ${holder} is at it already (if not, delete ${file})`)
}

async function take(file: string): Promise<boolean> {
  const handle = await open(file, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return null
    throw error
  })
  if (!handle) return false
  await handle.writeFile(String(process.pid))
  await handle.close()
  return true
}

/** Removes a lock whose process is gone. */
async function isLeftOver(file: string): Promise<boolean> {
  const pid = Number(await readFile(file, 'utf8').catch(() => ''))
  if (!Number.isInteger(pid) || pid <= 0 || isAlive(pid)) return false
  await rm(file, { force: true })
  return true
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
