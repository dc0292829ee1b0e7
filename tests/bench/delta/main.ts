import { measureChanges } from './made-up.ts'
import { measureReal } from './real.ts'
import { REAL_FILES } from './real-files.ts'
import { textOf, writeInto } from './report.ts'
import { startWorld } from './world.ts'

const NAMES = ['changes', ...REAL_FILES.map(({ name }) => name)]
const HELP = `Usage: npm run bench:delta -- [${NAMES.join('] [')}] [--write]

What changed files send, counted before the store of the embedded stack: made-up changes to 256 MiB, and second versions of real
files beside whole uploads by this project, rclone and awscli. Without a name all are run. --write puts the tables into
docs/benchmarks.md. Real files need npm, python3, apt-get, dpkg-deb and mke2fs; what cannot be made is left out by name.`

const words = process.argv.slice(2)
const names = words.filter((word) => !word.startsWith('--'))
if (words.includes('--help') || names.some((name) => !NAMES.includes(name))) {
  console.log(HELP)
  process.exit(words.includes('--help') ? 0 : 2)
}
const wanted = names.length > 0 ? names : NAMES
const world = await startWorld()
try {
  const changes = wanted.includes('changes') ? await measureChanges(world) : []
  const text = textOf(changes, await measureReal(world, wanted))
  console.log(`\n${text}`)
  if (words.includes('--write')) writeInto(text)
} finally {
  await world.stop()
}
process.exit()
