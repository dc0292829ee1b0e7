import { afterEach, expect, test } from 'vitest'
import { jetty } from '../../local/command.ts'
import { aLocation, aRankedEdge, aServer, STRATEGY } from './edges-service.ts'

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of undo.splice(0)) await stop()
})

const EDGE = { ...aLocation('lon-1'), url: 'https://lon.example', publicKey: 'AAAA' }
const REGISTER = ['register', '--id', 'lon-1', '--edge-url', EDGE.url, '--public-key', 'AAAA']

async function serverOf(...args: Parameters<typeof aServer>) {
  const server = await aServer(...args)
  undo.push(server.stop)
  return server
}

/** The service as these commands see it, with one relay that answers and one that does not. */
async function aService({ tier = 'pro', status = 200, relays = true } = {}) {
  const relay = await serverOf(() => ({}))
  const service = await serverOf(({ method, path, body }) => {
    const problem = { type: '/errors/unauthorized', status, title: 'No.' }
    if (status !== 200) return { status, body: problem }
    if (path === '/api/agentcache/quota') return { body: { tier, features: { edges: relays } } }
    if (path === '/api/edges' && method === 'GET') return { body: catalogue() }
    return path === '/api/jetty/optimal-edges' ? { body: ranked(body) } : { body: EDGE }
  })
  const all = () => [
    ...(relays ? [aRankedEdge('fra-1', 'http://[::1]:1'), aRankedEdge('lon-1', relay.url)] : []),
    aRankedEdge('direct', service.url, { city: null, country: null }),
  ]
  const ranked = ({ measurements = {} }: { measurements?: Record<string, number | null> }) => ({
    strategy: STRATEGY,
    edges: all().filter(({ id }) => measurements[id] !== null),
    grant: null,
    duplicate: null,
    serverTime: '2026-01-01T00:00:00Z',
  })
  const catalogue = () => ({
    edges: [
      aLocation('lon-1', { latencyMs: 12.3, lastSeenAt: '2025-12-31T23:59:25Z' }),
      aLocation('tyo-1', { city: '\u001b[31mTokyo', state: 'planned', lat: 35.7, lng: 139.7 }),
    ],
    serverTime: '2026-01-01T00:00:00Z',
  })
  const env = { JETTY_URL: service.url, JETTY_API_KEY: 'jt_live_test' }
  const admin = { JETTY_URL: service.url, JETTY_ADMIN_TOKEN: 'the-token' }
  const asked = (path: string) => service.seen.filter((seen) => seen.path.startsWith(path))
  return { env, admin, asked }
}

test('the help names every form, every flag and where the token is', async () => {
  const { code, stdout } = await jetty({}, 'edges', '--help').ended
  expect(code).toBe(0)
  const forms = ['status', 'register', 'drain', 'resume', 'retire', 'JETTY_ADMIN_TOKEN']
  const flags = ['--size', '--priority', '--map', '--id', '--edge-url', '--public-key', '--lat']
  for (const word of [...forms, ...flags, '--json']) expect(stdout).toContain(word)
  expect((await jetty({}, '--help').ended).stdout).toMatch(/^ {2}edges /m)
})

test('paths are measured from here, and ranked with what was measured', async () => {
  const { env, asked } = await aService()
  const { code, lines, stderr } = await jetty(env, 'edges', '--json').ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [answer] = lines
  expect(answer.edges.map(({ id }: { id: string }) => id)).toEqual(['lon-1', 'direct'])
  const { 'lon-1': lon, 'fra-1': fra, direct } = answer.measuredHere
  expect(lon).toBeGreaterThan(0)
  expect(direct).toBeGreaterThan(0)
  expect(fra).toBeNull()

  const [first, second] = asked('/api/jetty/optimal-edges')
  expect(first?.body).toEqual({ fileSize: 1024 ** 3, priority: 'balanced' })
  expect(second?.body).toEqual({
    ...first?.body,
    measurements: { 'fra-1': null, 'lon-1': lon, direct },
  })
})

test('size and priority are asked for, and the table is printed without escapes where there is no terminal', async () => {
  const { env, asked } = await aService()
  const words = ['edges', '--size', '10GB', '--priority', 'cost', '--map']
  const { code, stdout, stderr } = await jetty({ ...env, LANG: 'en_GB.UTF-8' }, ...words).ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(asked('/api/jetty/optimal-edges')[1]?.body).toMatchObject({
    fileSize: 10e9,
    priority: 'cost',
  })
  expect(stdout).toMatch(/● lon-1/)
  expect(stdout).toMatch(/^1 {2}lon-1 /m)
  expect(stdout).toMatch(/^- {2}fra-1 .* no answer /m)
  expect(stdout).toMatch(/^9\.3 GiB: 128 parts of 8\.0 MiB over 16 connections/m)
  expect(stdout).not.toContain('\u001b')

  const ascii = await jetty({ ...env, LANG: 'C' }, ...words).ended
  expect(ascii.stdout).toMatch(/^[\n\x20-\x7e]*$/)
})

test('where a tier has no edges, the command says so', async () => {
  const { env } = await aService({ tier: 'starter', relays: false })
  const { code, stdout, stderr } = await jetty(env, 'edges').ended
  expect(code).toBe(0)
  expect(stdout).toContain('direct  the store')
  expect(stderr).toBe('The tier starter has no edges: everything goes straight to the store.\n')
})

test('the status of the catalogue needs no key and sends none', async () => {
  const { env, asked } = await aService()
  const { code, stdout } = await jetty({ JETTY_URL: env.JETTY_URL }, 'edges', 'status').ended
  expect(code).toBe(0)
  expect(stdout).toMatch(/^lon-1 +London +GB +up +12 ms +- .* 35s ago$/m)
  expect(stdout).toContain('\\x1b[31mTokyo')
  const json = await jetty(env, 'edges', 'status', '--json').ended
  expect(json.lines.map(({ id, state }) => [id, state])).toEqual([
    ['lon-1', 'up'],
    ['tyo-1', 'planned'],
  ])
  expect(asked('/api/edges').map(({ authorization }) => authorization)).toEqual([
    undefined,
    undefined,
  ])
})

test('a relay is registered, drained, resumed and retired with the token of the environment', async () => {
  const { admin, asked } = await aService()
  const others = ['https://b.example', 'https://c.example']
  const names = others.flatMap((url) => ['--alternate-url', url])
  const place = [...names, '--city', 'Cape Town', '--country', 'ZA', '--lat=-33.9', '--lng', '18.4']
  expect(await jetty(admin, 'edges', ...REGISTER, ...place).ended).toMatchObject({
    code: 0,
    stdout: 'lon-1  up  London  https://lon.example\n',
  })
  const drained = await jetty(admin, 'edges', 'drain', 'lon-1', 'fra-1', '--json').ended
  expect(drained).toMatchObject({ code: 0, lines: [EDGE, EDGE] })
  expect((await jetty(admin, 'edges', 'resume', 'lon-1').ended).code).toBe(0)
  expect((await jetty(admin, 'edges', 'retire', 'a&b').ended).code).toBe(0)

  const calls = asked('/api/edges')
  expect(new Set(calls.map(({ authorization }) => authorization))).toEqual(
    new Set(['Bearer the-token']),
  )
  const cape = { city: 'Cape Town', country: 'ZA', lat: -33.9, lng: 18.4 }
  expect(calls.map(({ method, path, body }) => [method, path, body])).toEqual([
    [
      'POST',
      '/api/edges',
      { id: 'lon-1', url: EDGE.url, alternateUrls: others, publicKey: 'AAAA', ...cape },
    ],
    ['PATCH', '/api/edges', { id: 'lon-1', draining: true }],
    ['PATCH', '/api/edges', { id: 'fra-1', draining: true }],
    ['PATCH', '/api/edges', { id: 'lon-1', draining: false }],
    ['DELETE', '/api/edges?id=a%26b', undefined],
  ])
}, 20_000)

test('a token or a key that is not accepted ends with 3', async () => {
  const { env, admin } = await aService({ status: 401 })
  for (const words of [REGISTER, ['drain', 'lon-1'], ['retire', 'lon-1']]) {
    expect(await jetty(admin, 'edges', ...words).ended).toMatchObject({
      code: 3,
      stderr: 'jetty: the service does not accept JETTY_ADMIN_TOKEN\n',
    })
  }
  const { code, stderr } = await jetty(env, 'edges').ended
  expect({ code, stderr }).toMatchObject({ code: 3, stderr: expect.stringContaining('API key') })
}, 20_000)

test('what the service refuses is said, and ends with 1', async () => {
  const { admin } = await aService({ status: 422 })
  const one = await jetty(admin, 'edges', ...REGISTER).ended
  expect(one).toMatchObject({ code: 1, stderr: 'jetty: No.\n' })
  const many = await jetty(admin, 'edges', 'drain', 'a', 'b').ended
  expect(many).toMatchObject({ code: 1, stderr: 'failed a: No.\nfailed b: No.\n' })
})

test.each([
  ['edges fly'],
  ['edges rank'],
  ['edges lon-1'],
  ['edges --size -1'],
  ['edges --size=tiny'],
  ['edges --priority fast'],
  ['edges --map --json'],
  ['edges --id lon-1'],
  ['edges status lon-1'],
  ['edges status --size 1'],
  ['edges drain'],
  ['edges drain --map lon-1'],
  ['edges register'],
  ['edges register lon-1'],
  ['edges register --id a --edge-url b'],
  ['edges register --id a --edge-url b --public-key c --lat 91'],
  ['edges register --id a --edge-url b --public-key c --lng='],
  ['edges drain lon-1 --admin-token x'],
])('`jetty %s` ends with 2 and asks nobody', async (line) => {
  const { env, admin, asked } = await aService()
  const { code, stderr } = await jetty({ ...env, ...admin }, ...line.split(' ')).ended
  expect(code).toBe(2)
  expect(stderr).toMatch(/^jetty: /)
  expect(asked('/')).toEqual([])
})

test('without the token the administration ends with 2 and asks nobody, whatever key there is', async () => {
  const { env, asked } = await aService()
  const { code, stderr } = await jetty(env, 'edges', 'drain', 'lon-1').ended
  expect(code).toBe(2)
  expect(stderr).toContain('Set JETTY_ADMIN_TOKEN')
  expect(asked('/')).toEqual([])
})
