import { readdirSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const NAME = /^jetty-(\d+)-/

/** A new temporary folder. Those of processes that ended without removing theirs are removed first. */
export async function temporaryFolder(): Promise<string> {
  const abandoned = readdirSync(tmpdir()).filter((name) =>
    isAbandoned(Number(NAME.exec(name)?.[1])),
  )
  await Promise.all(
    abandoned.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })),
  )
  const folder = await mkdtemp(join(tmpdir(), `jetty-${process.pid}-`))
  // PostgreSQL runs as another user when this is root, and has to pass.
  await chmod(folder, 0o711)
  return folder
}

function isAbandoned(pid: number): boolean {
  if (!pid) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}
