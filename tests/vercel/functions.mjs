import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/**
 * The emitted functions, moved out of the project: on the platform no package.json stands above them.
 *
 * @returns {{ name: string, folder: string, entry: string, config: Record<string, unknown>, sizeKb: number }[]}
 */
export function readFunctions(output, into) {
  cpSync(join(output, 'functions'), into, { recursive: true, dereference: true })
  return listFolders(into)
    .filter((folder) => folder.endsWith('.func'))
    .map((folder) => {
      const name = relative(into, folder)
        .replaceAll('\\', '/')
        .replace(/\.func$/, '')
      const config = JSON.parse(readFileSync(join(folder, '.vc-config.json'), 'utf8'))
      return {
        name,
        folder,
        entry: join(folder, `${name}.js`),
        config,
        sizeKb: sizeOf(folder) / 1024,
      }
    })
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** Every file of a folder, relative to it. */
export function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

function listFolders(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

function sizeOf(folder) {
  return listFiles(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
}
