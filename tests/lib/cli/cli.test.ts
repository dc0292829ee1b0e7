import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { jetty } from '../../local/command.ts'
import { startTiny, type TinyOptions } from '../client/tiny-service.ts'

const MIB = 1024 * 1024
const RESULT = [
  'fileName',
  'path',
  'fileSize',
  'fileHash',
  'fileId',
  'duplicate',
  'sentBytes',
  'copiedBytes',
  'seconds',
  'functionCalls',
  'paths',
]
let folder = ''
let env: Record<string, string> = {}
const undo: (() => unknown)[] = []

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'jetty-cli-'))
  const own = {
    XDG_CONFIG_HOME: path.join(folder, 'config'),
    XDG_STATE_HOME: path.join(folder, 'state'),
  }
  env = { ...own, JETTY_API_KEY: 'jt_live_test' }
})
afterEach(async () => {
  for (const step of undo.splice(0)) await step()
  await rm(folder, { recursive: true })
})

async function aService(options: TinyOptions = {}) {
  const service = await startTiny(options)
  undo.push(() => service.stop())
  env.JETTY_URL = service.url
  return service
}

const at = (name: string) => path.join(folder, name)
const run = (...words: string[]) => jetty(env, ...words).ended

test('--help explains every command, --version is the version, and neither needs a service', async () => {
  const overview = await run('--help')
  expect(overview.code).toBe(0)
  for (const name of ['upload', 'get', 'ls', 'rm', 'hash', 'quota', 'uploads']) {
    expect(overview.stdout).toContain(name)
    const help = await run(name, '--help')
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toMatch(new RegExp(`^Usage: jetty ${name} `))
  }
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  expect((await run('--version')).stdout).toBe(`${version}\n`)
}, 30_000)

test('what is not understood ends with 2 and says how it is meant', async () => {
  const service = await aService()
  for (const words of [
    ['fly'],
    ['upload'],
    ['upload', '--fast', 'x'],
    ['get'],
    ['upload', 'x', '--connections', '0'],
  ]) {
    const { code, stderr } = await run(...words)
    expect(code, words.join(' ')).toBe(2)
    expect(stderr).toMatch(/^jetty: /)
  }
  expect(service.calls).toHaveLength(0)
}, 30_000)

test('--json prints one object per file with exactly the promised fields', async () => {
  await aService({ edges: 1 })
  await writeFile(at('a'), randomBytes(17 * MIB))
  await mkdir(at('d'))
  await writeFile(at('d/b'), 'b')
  const { code, lines, stderr } = await run('upload', at('a'), at('d'), '--to', 'in/', '--json')
  expect(code).toBe(0)
  expect(lines.map(({ path: stored }) => stored).sort()).toEqual(['in/a', 'in/d/b'])
  for (const line of lines) expect(Object.keys(line)).toEqual(RESULT)
  expect(stderr).toMatch(/2 files stored; .* 2 function calls/)
})

test('skipped and refused files are named on stderr, the rest is stored, and the code says 1', async () => {
  await aService()
  await mkdir(at('d/empty'), { recursive: true })
  await symlink('b', at('d/link'))
  await writeFile(at('d/b'), 'b')
  const skipped = await run('upload', at('d'))
  expect(skipped.code).toBe(0)
  expect(skipped.stderr).toMatch(/skipped .*d\/empty: empty folder/)
  expect(skipped.stderr).toMatch(/skipped .*d\/link: symbolic link/)
  expect(skipped.stdout).toMatch(/ {2}d\/b {2}/)

  const refused = await run('upload', at('gone'), at('d/b'), at('d/b'), '--json')
  expect(refused).toMatchObject({ code: 1, lines: [{ path: 'b' }] })
  expect(refused.stderr).toMatch(/failed .*gone: ENOENT/)
  expect(refused.stderr).toMatch(/another file is called b already/)
  expect(refused.stderr).toMatch(/1 file stored, 2 failed/)
})

test('names that would command the terminal are shown harmless', async () => {
  await aService()
  await mkdir(at('d'))
  await writeFile(at('d/\u001b[31mred'), '')
  await writeFile(at('d/b'), '')
  const { code, stdout, stderr } = await run('upload', at('d'))
  expect(code).toBe(1)
  expect(stderr).toContain('\\x1b[31mred')
  expect(stdout + stderr).not.toContain('\u001b')
})

test('a key that is not accepted ends with 3, a service that is not there with 1', async () => {
  await aService()
  await writeFile(at('a'), 'a')
  env.JETTY_API_KEY = 'wrong'
  const refused = await run('upload', at('a'))
  expect(refused).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('not accept this API key'),
  })
  expect((await run('rm', 'x', 'y')).code).toBe(3)
  env.JETTY_URL = 'http://127.0.0.1:9'
  const { code, stderr } = await run('quota')
  expect(code).toBe(1)
  expect(stderr).toContain('http://127.0.0.1:9 does not answer')
}, 30_000)

test('the command ends when its last report has arrived, or two seconds later', async () => {
  const service = await aService()
  await writeFile(at('a'), randomBytes(17 * MIB))
  const told = await run('upload', at('a'))
  expect(told.code).toBe(0)
  expect(told.stderr).toMatch(/; 2 function calls and 1 report\n$/)
  expect(service.reports).toMatchObject([{ action: 'complete', chunksCompleted: 4 }])

  let askedAt = 0
  service.options.onCall = (_method, wanted) => {
    if (wanted !== '/api/jetty/track-upload') return undefined
    askedAt = performance.now()
    return 'hang'
  }
  await writeFile(at('b'), randomBytes(17 * MIB))
  expect((await run('upload', at('b'))).code).toBe(0)
  expect(performance.now() - askedAt).toBeLessThan(4_000)
  expect(performance.now() - askedAt).toBeGreaterThan(1_500)
})

test('Ctrl-C leaves an upload that the same command resumes, sending only what is missing', async () => {
  const service = await aService({ connections: 1 })
  await writeFile(at('a'), randomBytes(40 * MIB))
  const interrupted = jetty(env, 'upload', at('a'))
  service.options.onPart = ({ partNumber }) => {
    if (partNumber === 5) interrupted.child.kill('SIGINT')
    return partNumber === 5 ? 'hang' : undefined
  }
  const first = await interrupted.ended
  expect(first.code).toBe(130)
  expect(first.stderr).toMatch(/the same command resumes/)
  expect(service.reports).toMatchObject([{ action: 'fail', completed: [[0, 3]] }])

  service.options.onPart = undefined
  const second = await run('upload', at('a'), '--json')
  expect(second.lines[0]).toMatchObject({ sentBytes: 20 * MIB, fileSize: 40 * MIB })
})

test('a file that changed since it was interrupted is sent anew, and the old upload is given up', async () => {
  const service = await aService({ connections: 1 })
  await writeFile(at('a'), randomBytes(20 * MIB))
  const interrupted = jetty(env, 'upload', at('a'))
  service.options.onPart = ({ partNumber }) => {
    if (partNumber === 3) interrupted.child.kill('SIGINT')
    return partNumber === 3 ? 'hang' : undefined
  }
  await interrupted.ended
  const [old] = service.uploads.keys()

  service.options.onPart = undefined
  await writeFile(at('a'), randomBytes(20 * MIB))
  const { code, stderr } = await run('upload', at('a'))
  expect(code).toBe(0)
  expect(stderr).toMatch(/a changed since it was interrupted/)
  expect(service.calls).toContainEqual(
    expect.objectContaining({ method: 'DELETE', path: `/api/storage/upload?uploadId=${old}` }),
  )
  expect(await readdir(at('state/jetty/unfinished'))).toEqual([])
})

test('uploads says how each one goes, with a rate where somebody sends', async () => {
  const expiresAt = '2026-01-01T00:00:00.000Z'
  const state = { status: 'open', fileSize: 1000 * MIB, expiresAt }
  const uploads = ['moving', 'still', 'new'].map((uploadId) => ({
    ...state,
    uploadId,
    targets: [{ path: `${uploadId}.bin` }],
  }))
  const sender = { sessionId: 's', uploadVia: 'desktop', status: 'in_progress', speed: 5 * MIB }
  const live = [
    { percent: 45.6, speed: 5 * MIB, secondsLeft: 90, sessions: [sender, { ...sender, speed: 0 }] },
    { percent: 10, speed: 0, secondsLeft: null, sessions: [{ ...sender, speed: 0 }] },
  ].map((progress, at) => ({ uploadId: uploads[at]?.uploadId, bytesUploaded: 1, ...progress }))
  await aService({
    onCall: (_method, wanted) => ({
      status: 200,
      body: JSON.stringify({
        uploads: wanted === '/api/jetty/track-upload' ? live : uploads,
        cursor: null,
      }),
    }),
  })
  const { stdout } = await run('uploads')
  expect(stdout.split('\n')).toEqual([
    `moving  open  45% of 1000.0 MiB  5.0 MiB/s  1:30 left  desktop  until ${expiresAt}  moving.bin`,
    `still  open  10% of 1000.0 MiB  until ${expiresAt}  still.bin`,
    `new  open  1000.0 MiB  until ${expiresAt}  new.bin`,
    '',
  ])
  const { lines } = await run('uploads', '--json')
  expect(lines[0]).toMatchObject({ ...uploads[0], ...live[0] })
  expect(lines[2]).toEqual(uploads[2])
})

test('get writes the file and prints where, --json included', async () => {
  const service = await aService({ edges: 1 })
  const content = randomBytes(9 * MIB)
  await writeFile(at('a'), content)
  await run('upload', at('a'))
  const fileId = service.files.get('a')?.fileId ?? ''
  const { code, lines } = await run('get', fileId, '-o', at('back'), '--json')
  expect(code).toBe(0)
  expect(lines[0]).toMatchObject({ fileId, file: at('back'), bytesReceived: content.length })
  expect((await readFile(at('back'))).equals(content)).toBe(true)
  const byPath = await run('get', 'a', '-o', at('again'))
  expect(byPath.code).toBe(0)
  expect((await readFile(at('again'))).equals(content)).toBe(true)
  const nowhere = await run('get', 'b', '-o', at('none'))
  expect(nowhere).toMatchObject({ code: 1, stderr: "jetty: no file has the id or path 'b'\n" })
  expect((await run('get', 'a', '-o', '-')).code).toBe(2)
  await writeFile(at('back'), 'mine')
  expect((await run('get', fileId, '-o', at('back'))).code).toBe(1)
  expect((await run('get', fileId, '-o', at('back'), '--force')).code).toBe(0)
}, 30_000)

test('hash prints content ids without a service, and goes on after a file that is not there', async () => {
  await writeFile(at('a'), 'abc')
  const digest = createHash('sha256').update('abc').digest('hex')
  const { code, stdout, stderr } = await run('hash', at('gone'), at('a'))
  expect(code).toBe(1)
  expect(stdout).toBe(`sha256:${digest}  ${at('a')}\n`)
  expect(stderr).toMatch(/failed .*gone/)
})

test('a pipe that is named itself fails and nobody waits for its writer', async () => {
  await aService()
  execFileSync('mkfifo', [at('pipe')])
  for (const command of ['hash', 'upload']) {
    const { code, stderr } = await run(command, at('pipe'))
    expect(code, command).toBe(1)
    expect(stderr).toMatch(/failed .*pipe: not a regular file/)
  }
})

test('output that cannot be written is a failure of one sentence', () => {
  const words = [
    '-c',
    'exec "$0" "$@" >/dev/full',
    process.execPath,
    'lib/cli/jetty.mjs',
    '--version',
  ]
  const { status, stderr } = spawnSync('sh', words, { encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^jetty: ENOSPC.*\n$/)
})

test('npm run jetty means file names where it is called, not at the top of the checkout', async () => {
  await writeFile(at('a'), 'abc')
  const npm = { npm_lifecycle_event: 'jetty', npm_package_json: path.resolve('package.json') }
  Object.assign(env, npm, { INIT_CWD: folder })
  expect((await run('hash', 'a')).stdout).toMatch(/ {2}a\n$/)
  env.npm_lifecycle_event = 'backup'
  expect((await run('hash', 'a')).code).toBe(1)
})

test('the config file counts when nothing else is set, unless others may read it', async () => {
  const { url } = await aService()
  await writeFile(at('a'), 'a')
  await mkdir(at('config/jetty'), { recursive: true })
  const file = at('config/jetty/config.json')
  await writeFile(file, JSON.stringify({ url, apiKey: 'jt_live_test' }), { mode: 0o600 })
  delete env.JETTY_URL
  delete env.JETTY_API_KEY
  expect((await run('upload', at('a'))).code).toBe(0)
  await chmod(file, 0o644)
  const { code, stderr } = await run('upload', at('a'))
  expect(code).toBe(2)
  expect(stderr).toContain(`chmod 600 ${file}`)
})

test('flags go before the environment, and a filed key goes to no other address', async () => {
  const service = await aService()
  await writeFile(at('a'), 'a')
  await mkdir(at('config/jetty'), { recursive: true })
  const filed = { url: 'http://127.0.0.1:9', apiKey: 'jt_live_test' }
  await writeFile(at('config/jetty/config.json'), JSON.stringify(filed), { mode: 0o600 })
  delete env.JETTY_API_KEY
  const { code, stderr } = await run('upload', at('a'))
  expect({ code, calls: service.calls.length }).toEqual({ code: 2, calls: 0 })
  expect(stderr).toMatch(/No API key for http.*JETTY_API_KEY/)
  env.JETTY_API_KEY = 'wrong'
  expect((await run('upload', at('a'), '--api-key', 'jt_live_test')).code).toBe(0)
})

test('of a changed file the line says what was sent; --base names another file to compare with', async () => {
  const { files } = await aService({ deltas: true })
  const content = randomBytes(40 * MIB)
  await writeFile(at('a'), content)
  await run('upload', at('a'))
  content[MIB] = (content[MIB] ?? 0) ^ 1
  await writeFile(at('a'), content)
  const { code, stdout } = await run('upload', at('a'))
  expect(code).toBe(0)
  expect(stdout).toMatch(/^\S+ {2}a {2}\(sent 5\.0 MiB of 40\.0 MiB \(13 %\), [0-9.]+ s\)\n$/)

  for (const base of ['a', files.get('a')?.fileId ?? '']) {
    content[MIB] = (content[MIB] ?? 0) + 1
    await writeFile(at('b'), content)
    const { lines } = await run('upload', at('b'), '--base', base, '--json')
    expect(lines[0]?.copiedBytes).toBe(35 * MIB)
  }
})

test('--base is for one file, for one that is there, and not with --no-delta', async () => {
  await aService({ deltas: true })
  await writeFile(at('a'), 'a')
  await writeFile(at('b'), 'b')
  const many = await run('upload', at('a'), at('b'), '--base', 'x')
  expect(many).toMatchObject({ code: 2, stderr: expect.stringContaining('one file') })
  const none = await run('upload', at('a'), '--base', 'x')
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("'x'") })
  const both = await run('upload', at('a'), '--base', 'x', '--no-delta')
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('exclude') })
})
