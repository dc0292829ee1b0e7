import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PgDialect } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import { type Sketch, similarity, sketchOf } from '../../lib/content/sketch.ts'
import { similarStatement } from '../../lib/similar/candidates.ts'
import { pageStatements } from '../../lib/similar/page.ts'
import { rankSimilar } from '../../lib/similar/rank.ts'
import type { SQL } from '../../lib/vendor/orm.js'
import { madeUpMember, sharedExactly } from '../lib/content/made-up-family.ts'
import { startPostgresWithFront } from '../local/postgres-with-front.ts'
import { temporaryFolder } from '../local/temporary.ts'
import { anAccountOf, connectTo, indexSizes } from './similarity-corpus.ts'

const FILES = 10_000
const CHUNKS = 2000
const THRESHOLD = 0.95
/** As api/jetty/similar asks. */
const CANDIDATES = 200
const PAGE = 100
const OTHER_ACCOUNTS = 4
const SHARES = [0.3, 0.5, 0.7, 0.8, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]

type Row = { what: string; figure: number | string }
/** What a file answered: its other half's estimate where that was found, and how many strangers were named. */
type Answer = { estimate: number | null; candidates: number; strangers: number; ms: number }

const dialect = new PgDialect()

/**
 * 10,000 files of about 37 MB in the real tables of PostgreSQL, one account's among those of four others that store the same:
 * 5,000 pairs, each with its own share in common, spread over 30 to 99 % and, within 1 % of them, at random. Every file is
 * looked up as the endpoint does, one after the other over one connection, and its answers are compared with counted shares.
 */
export async function benchSimilarity(): Promise<Row[]> {
  const { sketches, exact } = madeUpCorpus()
  const folder = await temporaryFolder()
  const database = { dataDir: join(folder, 'postgres'), keptPassword: null }
  const postgres = await startPostgresWithFront(database)
  const client = await connectTo(postgres.url)
  try {
    const owner = await anAccountOf(client, sketches)
    for (let n = 0; n < OTHER_ACCOUNTS; n++) await anAccountOf(client, sketches)
    await client.query('VACUUM ANALYZE')
    await lookUp(client, { owner, sketches, files: 200 })
    const answers = await lookUp(client, { owner, sketches, files: FILES })
    const pages = await timePages(client, owner)
    const sizes = await indexSizes(client)
    return [...qualityOf(sketches, { exact, answers }), ...costOf(answers, pages), ...sizes]
  } finally {
    await client.end()
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function madeUpCorpus(): { sketches: Sketch[]; exact: number[] } {
  const sketches: Sketch[] = []
  const exact: number[] = []
  for (let family = 0; family < FILES / 2; family++) {
    const share = (SHARES[family % SHARES.length] ?? 0) + ((family * Math.SQRT2) % 0.02) - 0.01
    const size = { count: CHUNKS, kept: Math.round(share * CHUNKS) }
    const [a, b] = [madeUpMember(family, 1, size), madeUpMember(family, 2, size)]
    sketches.push(sketchOf(a), sketchOf(b))
    exact.push(sharedExactly(a, b))
  }
  return { sketches, exact }
}

/** Looks the first so many files up; file n of the corpus stands at the path `n`. */
async function lookUp(
  client: pg.Client,
  { owner, sketches, files }: { owner: string; sketches: Sketch[]; files: number },
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const [file, sketch] of sketches.slice(0, files).entries()) {
    const begun = performance.now()
    const rows = await run(client, similarStatement(owner, sketch, CANDIDATES))
    const named = rankSimilar(rows, sketch, THRESHOLD)
    const ms = performance.now() - begun
    const paths = named.map(({ files: [first] }) => Number(first?.path))
    const half = named[paths.indexOf(file ^ 1)]
    const strangers = paths.filter((path) => path >> 1 !== file >> 1).length
    answers.push({ estimate: half?.similarity ?? null, candidates: rows.length, strangers, ms })
  }
  return answers
}

/** Pages of likely duplicates, from the first to the last: what the database takes for each, in ms. */
async function timePages(client: pg.Client, owner: string): Promise<number[]> {
  const durations: number[] = []
  let cursor: string | undefined
  do {
    const begun = performance.now()
    const [contents, pairs] = pageStatements(owner, { threshold: THRESHOLD, limit: PAGE, cursor })
    const rows = await run(client, contents)
    await run(client, pairs)
    durations.push(performance.now() - begun)
    const last = rows.length === PAGE ? rows.at(-1) : undefined
    cursor = last && encode([last.file_hash, last.file_size])
  } while (cursor)
  return durations
}

function encode(key: unknown[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

async function run(client: pg.Client, statement: SQL): Promise<Record<string, unknown>[]> {
  const { sql: text, params } = dialect.sqlToQuery(statement)
  return (await client.query(text, params)).rows
}

function qualityOf(
  sketches: Sketch[],
  { exact, answers }: { exact: number[]; answers: Answer[] },
): Row[] {
  const files = answers.map((answer, file) => ({ ...answer, exact: exact[file >> 1] ?? 0 }))
  const clear = files.filter((file) => Math.abs(file.exact - THRESHOLD) >= 0.01)
  const errors = exact.flatMap((share, pair) => {
    const [a, b] = [sketches[pair * 2], sketches[pair * 2 + 1]]
    return share > 0.9 && a && b ? [similarity(a, b) - share] : []
  })
  const deviation = Math.sqrt(errors.reduce((sum, one) => sum + one ** 2, 0) / errors.length)
  return [
    ...judged('all files', files),
    ...judged('files whose other half is not within 94 to 96 %', clear),
    { what: 'standard error of the share, 90 to 99 %', figure: percent(deviation) },
    { what: 'strangers named', figure: answers.reduce((sum, one) => sum + one.strangers, 0) },
  ]
}

type Judged = Answer & { exact: number }

/** Of what was named how much is really so alike, and of what is really so alike how much was named. */
function judged(name: string, files: Judged[]): Row[] {
  const isAlike = ({ exact }: Judged) => exact >= THRESHOLD
  const isNamed = ({ estimate }: Judged) => estimate !== null
  const alike = files.filter(isAlike)
  const right = alike.filter(isNamed).length
  const named = files.reduce((sum, one) => sum + one.strangers + (isNamed(one) ? 1 : 0), 0)
  return [
    { what: `precision at 95 %, ${name}`, figure: percent(right / named) },
    { what: `recall at 95 %, ${name}`, figure: percent(right / alike.length) },
  ]
}

function costOf(answers: Answer[], pages: number[]): Row[] {
  const times = answers.map(({ ms }) => ms)
  const candidates = answers.reduce((sum, one) => sum + one.candidates, 0) / answers.length
  const at = (durations: number[]) =>
    [50, 95, 99].map((percent) => percentile(durations, percent)).join(', ')
  return [
    { what: 'candidates of a file, itself among them, on average', figure: candidates.toFixed(2) },
    { what: 'a look-up with ranking, ms: p50, p95, p99', figure: at(times) },
    { what: `a page of dupes (${PAGE} contents), ms: p50, p95, p99`, figure: at(pages) },
  ]
}

/** The nearest-rank percentile, in hundredths of a ms. */
function percentile(durations: number[], percent: number): string {
  const sorted = durations.toSorted((a, b) => a - b)
  return (sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? 0).toFixed(2)
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`
}
