import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const IMPORTS = 'lint/style/noRestrictedImports'
const LONG = Array.from({ length: 41 }, (_, n) => `  console.error(${n})`).join('\n')

const LINES = Array.from({ length: 201 }, (_, n) => `export const n${n} = ${n}`).join('\n')

/** Code that a rule forbids where it stands: the rule's category, the file, what it holds. */
const PLANTED: [string, string, string][] = [
  ...[
    'drizzle-orm',
    'drizzle-orm/pg-core',
    'zod',
    'zod/mini',
    '@neondatabase/serverless',
    '@upstash/redis',
    '@vercel/functions',
  ].flatMap((name, n): [string, string, string][] => [
    [IMPORTS, `api/raw-${n}.ts`, uses(name)],
    [IMPORTS, `lib/storage/raw-${n}.ts`, uses(name)],
    [IMPORTS, `lib/client/raw-${n}.ts`, uses(name)],
    [IMPORTS, `drizzle/raw-${n}.ts`, uses(name)],
  ]),
  [IMPORTS, 'api/schema.ts', uses('../drizzle/schema.ts')],
  [IMPORTS, 'api/deep/db.ts', uses('../../lib/db/client.ts')],
  [IMPORTS, 'api/redis.ts', uses('../lib/redis/client.ts')],
  [IMPORTS, 'api/sdk.ts', "export const sdk = await import('@aws-sdk/client-s3')"],
  [IMPORTS, 'lib/uploads/sdk.ts', "export const sdk = await import('@aws-sdk/client-s3')"],
  [IMPORTS, 'lib/uploads/test.ts', uses('../../tests/local/stack.ts')],
  [IMPORTS, 'lib/uploads/endpoint.ts', uses('../../api/health.ts')],
  [IMPORTS, 'lib/content/other.ts', uses('../client/engine.ts')],
  [IMPORTS, 'lib/content/vendored.ts', uses('../vendor/zod.js')],
  [IMPORTS, 'lib/content/node.ts', uses('node:fs')],
  ...['client', 'cli', 'desktop', 'edge-node', 'web'].flatMap((program) =>
    ['db', 'redis', 'storage', 'uploads', 'copies', 'accounts', 'quota', 'files'].map(
      (server): [string, string, string] => [
        IMPORTS,
        `lib/${program}/${server}.ts`,
        uses(`../${server}/any.ts`),
      ],
    ),
  ),
  [IMPORTS, 'lib/client/environment.ts', uses('../env.ts')],
  ['plugin', 'lib/storage/sdk.ts', uses('@aws-sdk/client-s3')],
  ['lint/correctness/useImportExtensions', 'lib/http/bare.ts', uses('./near')],
  ['lint/correctness/useImportExtensions', 'lib/http/compiled.ts', uses('./near.js')],
  ['lint/correctness/noUndeclaredDependencies', 'lib/http/undeclared.ts', uses('left-pad')],
  ['lint/correctness/noUnusedImports', 'lib/http/import.ts', "import { near } from './near.ts'"],
  ['lint/correctness/noUnusedVariables', 'lib/http/variable.ts', 'const unused = 1'],
  [
    'lint/complexity/noExcessiveLinesPerFunction',
    'lib/cli/long.ts',
    `export function long() {\n${LONG}\n}`,
  ],
  ['lint/style/noExcessiveLinesPerFile', 'lib/http/file.ts', LINES],
  [
    'lint/complexity/useMaxParams',
    'lib/http/many.ts',
    'export const many = (a: 1, b: 2, c: 3, d: 4) => [a, b, c, d]',
  ],
  ['lint/complexity/noExcessiveCognitiveComplexity', 'lib/http/maze.ts', maze(5)],
  ['lint/nursery/noFloatingPromises', 'lib/http/float.ts', 'async function later() {}\nlater()'],
  [
    'lint/nursery/noMisusedPromises',
    'lib/http/misused.ts',
    'async function yes() { return true }\nexport const no = yes() ? 1 : 2',
  ],
  ['lint/performance/noBarrelFile', 'lib/http/barrel.ts', "export { near } from './near.ts'"],
  ['lint/performance/noReExportAll', 'lib/http/all.ts', "export * from './near.ts'"],
  ['lint/style/noDefaultExport', 'api/default.ts', 'export default 1'],
  ['lint/style/noEnum', 'lib/http/enum.ts', 'export enum Colour { Red }'],
  [
    'lint/style/noNestedTernary',
    'lib/http/ternary.ts',
    'export const pick = (a: number) => (a > 1 ? 1 : a > 0 ? 2 : 3)',
  ],
  [
    'lint/style/noNonNullAssertion',
    'lib/http/assertion.ts',
    'export const sure = (a?: string) => a!.length',
  ],
  [
    'lint/style/noParameterAssign',
    'lib/http/assign.ts',
    'export function add(a: number) {\n  a += 1\n  return a\n}',
  ],
  ['lint/style/noProcessEnv', 'lib/http/environment.ts', 'export const home = process.env.HOME'],
  ['lint/style/useFilenamingConvention', 'lib/http/camelCase.ts', 'export const one = 1'],
  [
    'lint/style/useThrowOnlyError',
    'lib/http/throw.ts',
    "export const fail = () => {\n  throw 'text'\n}",
  ],
  ['lint/suspicious/noConsole', 'lib/http/console.ts', "console.log('hello')"],
  ['lint/suspicious/noExplicitAny', 'lib/http/any.ts', 'export const one = (a: any) => a'],
  [
    'lint/suspicious/noImportCycles',
    'lib/http/cycle-a.ts',
    "import { b } from './cycle-b.ts'\nexport const a = () => b",
  ],
  ['lint/suspicious/noSkippedTests', 'tests/skipped.test.ts', "test.skip('later', () => {})"],
]

/** Code that must pass: what the same rules allow elsewhere. */
const ALLOWED: [string, string][] = [
  ['lib/http/near.ts', 'export const near = 1'],
  ['lib/http/extension.ts', uses('./near.ts')],
  ['api/verb.ts', uses('../lib/files/list.ts')],
  [
    'lib/storage/types.ts',
    "import type { S3Client } from '@aws-sdk/client-s3'\nexport type Store = S3Client",
  ],
  ['lib/storage/lazy.ts', "export const sdk = await import('@aws-sdk/client-s3')"],
  ['lib/cli/client.ts', uses('../client/engine.ts')],
  ['lib/client/content.ts', uses('../content/layout.ts')],
  ['lib/content/own.ts', uses('./layout.ts')],
  ['lib/vendor/orm.d.ts', "export { sql } from 'drizzle-orm'"],
  ['lib/env.ts', 'export const home = process.env.HOME'],
  ['lib/log.ts', "console.log('hello')"],
  ['lib/storage/probe-main.ts', "console.log('hello')"],
  ['tests/long.test.ts', `export function long() {\n${LONG}\n}\n${LINES}`],
  ['tests/lib/storage/sdk.test.ts', uses('@aws-sdk/client-s3')],
  ['some.config.ts', 'export default process.env.HOME'],
]

let folder: string
let reported: Map<string, string[]>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jetty-walls-'))
  for (const file of ['biome.json', 'biome-static-sdk.grit', 'package.json', '.gitignore']) {
    await cp(file, join(folder, file))
  }
  const planted = PLANTED.map(([, file, code]): [string, string] => [file, code])
  const otherHalf: [string, string] = [
    'lib/http/cycle-b.ts',
    "import { a } from './cycle-a.ts'\nexport const b = () => a",
  ]
  for (const [file, code] of [...planted, ...ALLOWED, otherHalf]) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), `${code}\n`)
  }
  reported = await lint(folder)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test.each(PLANTED)('%s reports %s', (category, file) => {
  expect(reported.get(file) ?? []).toContain(category)
})

test.each(ALLOWED)('nothing is reported in %s', (file) => {
  expect(reported.get(file) ?? []).toEqual([])
})

test('every rule that biome.json sets is planted here', async () => {
  const { linter } = JSON.parse(await readFile('biome.json', 'utf8'))
  const { preset, ...groups } = linter.rules
  const set = Object.entries(groups).flatMap(([group, rules]) =>
    Object.keys(Object(rules)).map((rule) => `lint/${group}/${rule}`),
  )

  expect(preset).toBe('recommended')
  expect(set.filter((rule) => !PLANTED.some(([category]) => category === rule))).toEqual([])
})

/** Each file's categories, as Biome's own command line reports them. */
async function lint(cwd: string): Promise<Map<string, string[]>> {
  const args = ['lint', '.', '--reporter=json', '--max-diagnostics=none']
  const output = await new Promise<string>((done) => {
    execFile(resolve('node_modules/.bin/biome'), args, { cwd, maxBuffer: 64e6 }, (_, stdout) =>
      done(stdout),
    )
  })
  const found = new Map<string, string[]>()
  for (const { category, location } of JSON.parse(output).diagnostics) {
    found.set(location.path, [...(found.get(location.path) ?? []), category])
  }
  return found
}

function uses(specifier: string): string {
  return `import { it } from '${specifier}'\nexport const used = it`
}

function maze(depth: number): string {
  const opened = Array.from({ length: depth }, (_, n) => `if (a > ${n}) {`).join('\n')
  return `export function maze(a: number) {\n${opened}\nreturn a\n${'}'.repeat(depth)}\nreturn 0\n}`
}
