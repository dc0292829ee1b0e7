import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Environment, masterKeys, parseEnvironment, positionOf } from '../../lib/env.ts'

const SECRET = 'a-secret-of-more-than-32-characters'
const KEY = Buffer.alloc(32, 1).toString('base64')
const COMPLETE = {
  DATABASE_URL: 'postgres://user:password@localhost/jetty',
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
  UPSTASH_REDIS_REST_TOKEN: 'sixteen-characters',
  LYVE_ENDPOINT: 'http://127.0.0.1:2',
  LYVE_REGION: 'us-east-1',
  LYVE_BUCKET_NAME: 'jetty',
  LYVE_ACCESS_KEY: 'access',
  LYVE_SECRET_KEY: 'sixteen-characters',
  JETTYTHUNDER_API_URL: 'self',
  JETTYTHUNDER_WEBHOOK_SECRET: KEY,
  AGENTCACHE_WEBHOOK_SECRET: KEY,
  INTERNAL_WEBHOOK_SECRET: KEY,
  CRON_SECRET: SECRET,
  ADMIN_TOKEN: SECRET,
  JETTY_MASTER_KEY: KEY,
  EDGE_GRANT_PRIVATE_KEY: KEY,
  DEDUP_SCOPE: 'account',
}
const OPTIONAL = [
  'REDIS_TIMEOUT_MS',
  'LYVE_POSITION',
  'DEDUP_SCOPE',
  'EVENTS_ALLOWED_HOSTS',
  'JOBS_AFTER_REQUESTS',
  'WEBHOOK_BEARER_SECRET',
  'VERCEL_AUTOMATION_BYPASS_SECRET',
]

test('a complete environment is accepted without the optional names', () => {
  expect(parseEnvironment(COMPLETE)).toEqual({
    ...COMPLETE,
    REDIS_TIMEOUT_MS: 800,
    JOBS_AFTER_REQUESTS: 'on',
  })
})

test('nothing is shared across accounts unless it is asked for', () => {
  const { DEDUP_SCOPE: _, ...without } = COMPLETE
  expect(parseEnvironment(without).DEDUP_SCOPE).toBe('account')
  expect(parseEnvironment({ ...COMPLETE, DEDUP_SCOPE: 'global' }).DEDUP_SCOPE).toBe('global')
})

test('the position of the store is a point on the globe', () => {
  expect(positionOf('38.9,-77.4')).toEqual({ lat: 38.9, lng: -77.4 })
  for (const wrong of ['', '91,0', '0,181', '1', '1,2,3', 'a,b', '1, 2'])
    expect(positionOf(wrong), wrong).toBeNull()
  expect(() => parseEnvironment({ ...COMPLETE, LYVE_POSITION: '91,0' })).toThrow(/LYVE_POSITION/)
})

test('Redis is waited for between a tenth of a second and ten seconds', () => {
  const ms = (REDIS_TIMEOUT_MS: string) => parseEnvironment({ ...COMPLETE, REDIS_TIMEOUT_MS })
  expect(ms('2500').REDIS_TIMEOUT_MS).toBe(2500)
  for (const wrong of ['99', '10001', 'soon', '-1'])
    expect(() => ms(wrong), wrong).toThrow(/REDIS_TIMEOUT_MS/)
})

test('.env.example lists exactly the names that are parsed, and no secret has a value there', () => {
  const lines = readFileSync('.env.example', 'utf8').split('\n')
  const listed = lines.flatMap((line) => /^([A-Z_]+)=(.*)$/.exec(line)?.slice(1, 3).join('=') ?? [])
  const names = listed.map((line) => line.split('=')[0] ?? '')

  expect(names.sort()).toEqual(Object.keys(Environment.shape).sort())
  expect(listed.filter((line) => !line.endsWith('='))).toEqual([
    'REDIS_TIMEOUT_MS=800',
    'JETTYTHUNDER_API_URL=self',
    'DEDUP_SCOPE=account',
    'JOBS_AFTER_REQUESTS=on',
  ])
})

test('one message names every missing value, and an empty one is missing', () => {
  const required = Object.keys(Environment.shape).filter((name) => !OPTIONAL.includes(name))
  expect(() => parseEnvironment({ CRON_SECRET: '' })).toThrow(
    expect.objectContaining({ message: saysAll(required.map((name) => `${name} is missing`)) }),
  )
})

test('one message names every value that is too short or of the wrong form', () => {
  const wrong = {
    DATABASE_URL: 'mysql://localhost/jetty',
    UPSTASH_REDIS_REST_URL: 'redis://localhost',
    UPSTASH_REDIS_REST_TOKEN: 'short',
    LYVE_ENDPOINT: 'not a url',
    LYVE_BUCKET_NAME: 'Upper_Case',
    LYVE_ACCESS_KEY: 'ab',
    LYVE_SECRET_KEY: 'short',
    JETTYTHUNDER_API_URL: 'other',
    JETTYTHUNDER_WEBHOOK_SECRET: 'short',
    AGENTCACHE_WEBHOOK_SECRET: 'short',
    INTERNAL_WEBHOOK_SECRET: 'short',
    CRON_SECRET: 'short',
    ADMIN_TOKEN: 'short',
    JETTY_MASTER_KEY: `${KEY},${Buffer.alloc(31).toString('base64')}`,
    EDGE_GRANT_PRIVATE_KEY: Buffer.alloc(33).toString('base64'),
    DEDUP_SCOPE: 'everyone',
    WEBHOOK_BEARER_SECRET: 'short',
  }
  expect(() => parseEnvironment({ ...COMPLETE, ...wrong })).toThrow(
    expect.objectContaining({ message: saysAll(Object.keys(wrong).map((name) => `${name}: `)) }),
  )
})

test('the message never shows a value', () => {
  const secret = 'short-but-secret'
  expect(() => parseEnvironment({ ...COMPLETE, CRON_SECRET: secret })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining(secret) }),
  )
})

test('the bearer of webhooks is no signing secret, with or without its prefix', () => {
  const [older, other] = [2, 3].map((n) => Buffer.alloc(32, n).toString('base64'))
  const signing = {
    INTERNAL_WEBHOOK_SECRET: `whsec_${other},${older}`,
    AGENTCACHE_WEBHOOK_SECRET: KEY,
  }
  for (const bearer of [KEY, older, other, `whsec_${other}`, `whsec_${KEY}`]) {
    expect(() =>
      parseEnvironment({ ...COMPLETE, ...signing, WEBHOOK_BEARER_SECRET: bearer }),
    ).toThrow(expect.objectContaining({ message: saysAll(['WEBHOOK_BEARER_SECRET: ']) }))
  }
  expect(parseEnvironment({ ...COMPLETE, WEBHOOK_BEARER_SECRET: SECRET })).toMatchObject({
    WEBHOOK_BEARER_SECRET: SECRET,
  })
})

test('the master key is a list, newest first', () => {
  const older = Buffer.alloc(32, 2)
  const list = `${KEY}, ${older.toString('base64')}`
  expect(
    masterKeys(parseEnvironment({ ...COMPLETE, JETTY_MASTER_KEY: list }).JETTY_MASTER_KEY),
  ).toEqual([Buffer.alloc(32, 1), older])
})

/** A text of one line for each of these beginnings, in any order, and a first line. */
function saysAll(beginnings: string[]) {
  return {
    asymmetricMatch: (message: string) => {
      const [, ...lines] = message.split('\n')
      return (
        lines.length === beginnings.length &&
        beginnings.every((text) => lines.some((line) => line.startsWith(`  ${text}`)))
      )
    },
    toString: () => `lines for ${beginnings.join(' | ')}`,
  }
}
