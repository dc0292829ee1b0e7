import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { REFUSALS } from '../lib/edge-node/refuse.ts'
import { PROBLEMS } from '../lib/problem.ts'

const TRACKED = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  {
    encoding: 'utf8',
  },
)
  .split('\0')
  .filter((file) => file !== '' && existsSync(file))

const DOCUMENTS = TRACKED.filter((file) => file.endsWith('.md'))
const ENDPOINTS = TRACKED.filter((file) => /^api\/.*\.ts$/.test(file))
const TESTS = TRACKED.filter((file) => file.startsWith('tests/') && file.endsWith('.ts'))

/** Top-level folders of the layout: a document's code span that begins with one of these and a slash is a path. */
const FOLDERS = ['api', 'lib', 'drizzle', 'docs', 'tests', 'public', '.ci', '.github']

/** What a credential looks like, and one in pieces, so that this file does not find itself. */
const SECRETS = [
  {
    kind: 'a private key',
    looksLike: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}/,
    example: ['-----BEGIN PRIVATE', ' KEY-----\n', 'MC4CAQAwBQYDK2VwBCIEIA'],
  },
  {
    kind: 'an AWS access key',
    looksLike: /\b(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[A-Z0-9]{16}\b/,
    example: ['AKIA', 'ABCDEFGHIJKLMNOP'],
  },
  {
    kind: 'a token of GitHub',
    looksLike: /\b(?:ghp|gho|ghs|ghu|github_pat)_[A-Za-z0-9_]{30,}/,
    example: ['ghp', '_', 'a'.repeat(36)],
  },
  {
    kind: 'a token of npm',
    looksLike: /\bnpm_[A-Za-z0-9]{36}\b/,
    example: ['npm', '_', 'a'.repeat(36)],
  },
  {
    kind: 'the address of a Neon database with its password',
    looksLike: /postgres(?:ql)?:\/\/[^\s:/@]+:[^\s@<>$*{…]+@[^\s/]*neon\.tech/,
    example: ['postgresql://user:', 'npg_pass', '@ep-one-pooler.eu.aws.neon', '.tech/db'],
  },
  {
    kind: 'an API key of this service',
    looksLike: /\bjt_live_[A-Za-z0-9_-]{24,}/,
    example: ['jt_', 'live_', 'a'.repeat(32)],
  },
]

test('every refusal has its page, with its status and title, and every page its refusal', () => {
  const refusals = Object.entries({ ...PROBLEMS, ...REFUSALS })
  const pages = TRACKED.filter((file) => /^docs\/errors\/[^/]+\.md$/.test(file))
  expect(pages.sort()).toEqual(refusals.map(([slug]) => `docs/errors/${slug}.md`).sort())

  for (const [slug, { status, title }] of refusals) {
    const page = readFileSync(`docs/errors/${slug}.md`, 'utf8')
    expect(page, slug).toContain(`# ${slug} (${status})\n\n${title}.`)
  }
})

test('the example on a page is the document that is answered', () => {
  for (const [slug, { status, title }] of Object.entries(PROBLEMS)) {
    const example = /```json\n([\s\S]*?)```/.exec(
      readFileSync(`docs/errors/${slug}.md`, 'utf8'),
    )?.[1]
    expect(JSON.parse(example ?? '{}'), slug).toMatchObject({
      type: `/errors/${slug}`,
      status,
      title,
    })
  }
})

test.each(DOCUMENTS)('%s names no file that does not exist', (document) => {
  const text = readFileSync(document, 'utf8')
  expect([...brokenLinks(document, text), ...brokenPaths(text)]).toEqual([])
})

test('no script is called build: Vercel would take the project for a front end', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(Object.keys(scripts)).not.toContain('build')
})

test('public/ exists: without it Vercel would publish lib/', () => {
  expect(TRACKED.filter((file) => file.startsWith('public/'))).not.toEqual([])
  expect(JSON.parse(readFileSync('vercel.json', 'utf8')).outputDirectory).toBe('public')
})

test.each(ENDPOINTS)(
  '%s exports methods by name and has a test where its mirror stands',
  (file) => {
    const code = readFileSync(file, 'utf8')
    expect(code).toMatch(
      /^export (?:const|async function|function) (?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\b/m,
    )
    expect(code).not.toMatch(/^export default\b|\bas default\b/m)

    const mirror = `tests/${file.replace(/\.ts$/, '')}`
    expect(
      TESTS.filter((test) => test === `${mirror}.test.ts` || test.startsWith(`${mirror}/`)),
    ).not.toEqual([])
  },
)

test('no test replaces a module', () => {
  const mocking = /\b(?:vi|vitest|jest)\s*\.\s*(?:do)?[mM]ock\b/
  expect(TESTS.filter((file) => mocking.test(readFileSync(file, 'utf8')))).toEqual([])
  expect(['vi.mo', "ck('./store.ts')"].join('')).toMatch(mocking)
})

test.each(SECRETS)('no file holds $kind', ({ looksLike, example }) => {
  const small = TRACKED.filter((file) => statSync(file).size < 1_000_000)
  expect(example.join('')).toMatch(looksLike)
  expect(small.filter((file) => looksLike.test(readFileSync(file, 'latin1')))).toEqual([])
})

test('no environment file is tracked', () => {
  expect(TRACKED.filter((file) => /(^|\/)\.env(\.|$)/.test(file))).toEqual(['.env.example'])
})

/** Relative links whose target is not there. */
function brokenLinks(document: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '')
  return links
    .filter((target) => !/^(?:[a-z]+:|#|\/)/.test(target))
    .filter((target) => !existsSync(join(dirname(document), target.replace(/[#?].*$/, ''))))
}

/** Code spans that are a path of the layout and lead nowhere; those with a placeholder or a pattern are no paths. */
function brokenPaths(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '')
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span ?? '')
  return spans
    .filter((span) => FOLDERS.includes(span.split('/')[0] ?? '') && span.includes('/'))
    .filter((span) => !/[\s*<>{}…$?=]/.test(span))
    .map((span) => normalize(span.replace(/[:#]\d*$/, '')))
    .filter((path) => !generated(path) && !inProject(path) && !inProject(`${path}.ts`))
}

/** A file, or a folder that a clone would have: git keeps no empty ones. */
function inProject(path: string): boolean {
  const folder = path.endsWith('/') ? path : `${path}/`
  return TRACKED.some((file) => file === path || file.startsWith(folder))
}

/** What scripts make and git ignores. */
function generated(path: string): boolean {
  return /^lib\/vendor\/(?:[a-z]+\.js|chunks|functions)/.test(path)
}
