import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Relay, startRelay } from '../../lib/edge-node/relay.ts'
import { neonConfig } from '../../lib/vendor/orm.js'
import { jetty } from '../local/command.ts'
import { grantPublicKey } from '../local/settings.ts'
import { type Stack, startStack } from '../local/stack.ts'

const IDS = ['lon-1', 'fra-1', 'sin-1']
const KEY = Buffer.alloc(32, 7).toString('base64')

/** A stack of its own, whose relays these tests register and stop. */
let stack: Stack
let relays: Relay[]
let env: Record<string, string>

beforeAll(async () => {
  stack = await startStack({ functions: true, edges: 0 })
  Object.assign(process.env, stack.env)
  neonConfig.fetchEndpoint = stack.neonUrl
  const { LYVE_ENDPOINT = '', LYVE_BUCKET_NAME = '', EDGE_GRANT_PRIVATE_KEY = '' } = stack.env
  const common = {
    origin: LYVE_ENDPOINT,
    bucket: LYVE_BUCKET_NAME,
    grantPublicKey: grantPublicKey(EDGE_GRANT_PRIVATE_KEY),
    stopMs: 100,
  }
  relays = await Promise.all(IDS.map((id) => startRelay({ id, ...common })))
  env = { ...(await keyOf('pro')), JETTY_ADMIN_TOKEN: stack.env.ADMIN_TOKEN ?? '' }
}, 60_000)

afterAll(async () => {
  await Promise.all(relays.map((relay) => relay.stop()))
  await stack.stop()
}, 30_000)

async function keyOf(tier: string) {
  const { anAccount } = await import('../local/account.ts')
  return { JETTY_URL: stack.url ?? '', JETTY_API_KEY: (await anAccount({ tier })).apiKey }
}

const edges = (...words: string[]) => jetty(env, 'edges', ...words).ended
const register = (id: string, url: string) =>
  edges('register', '--id', id, '--edge-url', url, '--public-key', KEY, '--json')

async function offered(): Promise<string[]> {
  const { code, lines, stderr } = await edges('--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(Object.keys(lines[0].measuredHere).sort()).toEqual(
    lines[0].edges.map(({ id }: { id: string }) => id).sort(),
  )
  return lines[0].edges.map(({ id }: { id: string }) => id).sort()
}

async function stateOf(id: string): Promise<string> {
  const { lines } = await edges('status', '--json')
  return lines.find((edge) => edge.id === id)?.state
}

test('a relay is offered once it is registered, not while it drains, and no more when it is retired', async () => {
  expect(await offered()).toEqual(['direct'])
  for (const [at, id] of IDS.entries()) {
    const done = await register(id, relays[at]?.url ?? '')
    expect(done).toMatchObject({ code: 0, lines: [{ id, state: 'up', url: relays[at]?.url }] })
  }
  expect(await offered()).toEqual(['direct', 'fra-1', 'lon-1', 'sin-1'])

  expect((await edges('drain', 'lon-1')).stdout).toMatch(/^lon-1 {2}draining {2}London {2}http/)
  expect(await offered()).toEqual(['direct', 'fra-1', 'sin-1'])
  expect(await stateOf('lon-1')).toBe('draining')
  expect((await edges('resume', 'lon-1')).stdout).toMatch(/^lon-1 {2}up /)
  expect(await offered()).toContain('lon-1')

  expect(await edges('retire', 'sin-1')).toMatchObject({
    code: 0,
    stdout: 'sin-1  planned  Singapore  -\n',
  })
  expect(await offered()).toEqual(['direct', 'fra-1', 'lon-1'])
  expect(await stateOf('sin-1')).toBe('planned')
}, 60_000)

test('the ranked table has a round trip to every path, and the map every location', async () => {
  const { code, stdout, stderr } = await edges('--map')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const id of ['lon-1', 'fra-1', 'direct']) {
    expect(stdout).toMatch(new RegExp(`^\\d {2}${id} .* \\d+(\\.\\d)? ms .* measured now$`, 'm'))
  }
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  expect(stdout).toMatch(/^@ up 2 {3}% draining 0 {3}X down 0 {3}o planned 18$/m)
})

test('what the service refuses is said: nothing answers there, no such edge, no relay to drain', async () => {
  const refused = await register('nyc-1', 'http://127.0.0.1:1')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/^jetty: .*127\.0\.0\.1:1/)
  expect(await stateOf('nyc-1')).toBe('planned')
  expect(await edges('drain', 'nowhere-1')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^failed nowhere-1: /),
  })
  expect((await edges('drain', 'nyc-1')).code).toBe(1)

  const { JETTY_ADMIN_TOKEN: _, ...others } = env
  const wrong = await jetty({ ...others, JETTY_ADMIN_TOKEN: 'guessed' }, 'edges', 'drain', 'lon-1')
    .ended
  expect(wrong.code).toBe(3)
  expect(await stateOf('lon-1')).toBe('up')
}, 30_000)

test('a tier without edges is offered the direct path alone, and told why', async () => {
  const { code, stdout, stderr } = await jetty(await keyOf('free'), 'edges').ended
  expect(code).toBe(0)
  expect(stdout).toMatch(/^1 {2}direct {2}the store /m)
  expect(stdout).not.toContain('lon-1')
  expect(stderr).toContain('The tier free has no edges')
})

test('a relay that does not answer is shown so', async () => {
  await relays[1]?.stop()
  const { code, lines } = await edges('--json')
  expect(code).toBe(0)
  // A probe after one of the requests may have taken it out already.
  expect(lines[0].measuredHere['fra-1'] ?? null).toBeNull()
  expect(lines[0].measuredHere['lon-1']).toBeGreaterThan(0)
})
