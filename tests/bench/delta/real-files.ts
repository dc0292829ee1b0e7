import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { writeDatabase } from './database.ts'

/** A file that somebody changes, before and after. Made in a folder of its own; throws where something is missing. */
export type RealFile = {
  name: string
  what: string
  make: (folder: string) => Promise<{ before: string; after: string }>
}

/** Of one the archive has two versions; the others are there in both images. */
const UPGRADED = 'python3.11-minimal libpython3.11-minimal libpython3.11-stdlib'.split(' ')
const OTHERS =
  'git perl-modules-5.36 libperl5.36 vim-runtime cpp-12 libicu72 binutils-x86-64-linux-gnu'
const IMAGE_MIB = 384
/** Whatever would differ without a difference in the files. */
const IMAGE_OPTIONS = ['-q', '-F', '-t', 'ext4', '-U', '1b4b2c3d-0000-4000-8000-000000000001']
const IMAGE_EXTENDED = ['-E', 'hash_seed=1b4b2c3d-0000-4000-8000-000000000001']

export const REAL_FILES: RealFile[] = [
  npmPackage('next', ['16.4.5', '16.4.6']),
  npmPackage('googleapis', ['176.0.0', '178.0.0']),
  {
    name: 'sqlite',
    what: 'SQLite, a million rows; 20,000 of the newest 50,000 changed, 10,000 more',
    make: (folder) => writeDatabase(folder, 'newest'),
  },
  {
    name: 'sqlite-anywhere',
    what: 'the same; 200 rows anywhere changed',
    make: (folder) => writeDatabase(folder, 'anywhere'),
  },
  {
    name: 'image',
    what: 'ext4 image of Debian packages; Python 3.11 upgraded within Debian 12',
    make: async (folder) => ({ before: imageOf(folder, 1), after: imageOf(folder, 0) }),
  },
]

/** Two versions that follow each other. */
function npmPackage(name: string, versions: [string, string]): RealFile {
  return {
    name,
    what: `npm's ${name}: ${versions.join(', then ')}, the unpacked tar`,
    make: async (folder) => {
      const [before = '', after = ''] = versions.map((version) => tarOf(folder, name, version))
      return { before, after }
    },
  }
}

function tarOf(folder: string, name: string, version: string): string {
  run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', folder], folder)
  const [packed, tar] = ['tgz', 'tar'].map((end) => join(folder, `${name}-${version}.${end}`))
  writeFileSync(tar ?? '', gunzipSync(readFileSync(packed ?? '')))
  return tar ?? ''
}

/** An image of the packages; of the upgraded ones the newest version but `behind`. */
function imageOf(folder: string, behind: number): string {
  const [debs, root] = [join(folder, `debs-${behind}`), join(folder, `root-${behind}`)]
  const image = join(folder, `${behind}.img`)
  mkdirSync(debs)
  const versioned = UPGRADED.map((name) => `${name}=${versionsOf(name)[behind] ?? ''}`)
  run('apt-get', ['-q', 'download', ...versioned, ...OTHERS.split(' ')], debs)
  for (const deb of readdirSync(debs).sort()) run('dpkg-deb', ['-x', deb, root], debs)
  run('mke2fs', [...IMAGE_OPTIONS, ...IMAGE_EXTENDED, '-d', root, image, `${IMAGE_MIB}M`], folder)
  rmSync(debs, { recursive: true })
  rmSync(root, { recursive: true })
  return image
}

/** Newest first. */
function versionsOf(name: string): string[] {
  const lines = run('apt-cache', ['madison', name], '/').trim().split('\n')
  return [...new Set(lines.map((line) => line.split('|')[1]?.trim() ?? ''))]
}

function run(command: string, words: string[], cwd: string): string {
  const env = { ...process.env, E2FSPROGS_FAKE_TIME: '1', SOURCE_DATE_EPOCH: '1' }
  return execFileSync(command, words, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
