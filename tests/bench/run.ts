import { benchChunking } from './chunking.ts'
import { benchDeltas } from './deltas.ts'
import { benchEndpoints } from './endpoints.ts'
import { benchHashing } from './hash.ts'
import { markdownOf } from './markdown.ts'
import { benchRanking } from './rank.ts'
import { benchRelay } from './relay.ts'
import { benchSigning } from './sign.ts'
import { benchSimilarity } from './similarity.ts'
import { benchWan } from './wan/main.ts'

const HELP = `Usage: npm run bench -- [signing] [hashing] [relay] [ranking] [chunking] [deltas] [similarity] [endpoints] [--markdown]

Measures what the code itself costs on this machine, side by side in one run. Figures are of this run and this machine;
ratios travel, absolute numbers do not. Without a name all are run. --markdown prints tables as docs/benchmarks.md has them.

npm run bench -- wan: uploads over an emulated long way, with options of its own (wan --help).`

const BENCHES = {
  // First: it sets the environment that all of lib/ then reads.
  endpoints: benchEndpoints,
  signing: benchSigning,
  hashing: benchHashing,
  relay: benchRelay,
  ranking: benchRanking,
  chunking: benchChunking,
  deltas: benchDeltas,
  similarity: benchSimilarity,
}

if (process.argv[2] === 'wan') process.exit(await benchWan(process.argv.slice(3)))

const names = process.argv.slice(2).filter((name) => name !== '--markdown')
const markdown = process.argv.includes('--markdown')
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
if (names.includes('--help')) console.log(HELP)
else if (unknown.length > 0) {
  console.error(`bench: unknown: ${unknown.join(', ')}\n\n${HELP}`)
  process.exitCode = 2
} else {
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue
    console.log(name)
    const rows = await bench()
    if (markdown) console.log(markdownOf(rows))
    else console.table(rows)
  }
}
process.exit()
