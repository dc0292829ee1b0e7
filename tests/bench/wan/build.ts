import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './namespace.ts'

const HERE = import.meta.dirname
/** git ignores it, and it goes with an installation. */
const CACHE = join(HERE, '../../../node_modules/.cache/jettyspeed-wan')

/** The programs in C, built when they are not, or when their text changed. */
export type Programs = { emulator: string; measured: string }

/** @throws Error with the compiler's words */
export function buildPrograms(): Programs {
  const folder = join(HERE, 'emulator')
  const sources = readdirSync(folder).filter((name) => name.endsWith('.c'))
  const files = sources.map((name) => join(folder, name))
  const header = join(folder, 'emulator.h')
  return {
    emulator: build('emulator', files, [header]),
    measured: build('measured', [join(HERE, 'measured.c')], []),
  }
}

function build(name: string, sources: string[], headers: string[]): string {
  const hash = createHash('sha256')
  for (const file of [...sources, ...headers].sort()) hash.update(readFileSync(file))
  const binary = join(CACHE, `${name}-${process.arch}-${hash.digest('hex').slice(0, 12)}`)
  if (existsSync(binary)) return binary
  mkdirSync(CACHE, { recursive: true })
  // Under another name first: whoever finds the file finds it whole.
  const unfinished = `${binary}.${process.pid}`
  run('cc', '-O2', '-Wall', '-o', unfinished, ...sources)
  run('mv', unfinished, binary)
  return binary
}
