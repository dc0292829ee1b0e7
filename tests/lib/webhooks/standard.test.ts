import { afterEach, expect, test, vi } from 'vitest'
import { publicHalf } from '../../../lib/ed25519.ts'
import { signWebhook, verifyWebhook } from '../../../lib/webhooks/standard.ts'

/** The cases that the libraries of the specification share. */
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const BODY = '{"test": 2432232314}'
const TIMESTAMP = 1_614_265_330
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const SEED = 'VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk='
const SIGNED = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
const SIGNED_BY_KEY =
  'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=='
const OTHER = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc='

const MESSAGE = { id: ID, timestamp: TIMESTAMP, body: BODY }
const PUBLIC_KEY = `whpk_${publicHalf(SEED)}`

/** Receives the message of the published cases, changed as given, when it was sent (and `late` seconds later). */
function receive(change: Record<string, string | null> = {}, { body = BODY, late = 0 } = {}) {
  vi.setSystemTime((TIMESTAMP + late) * 1000)
  const headers = new Headers(signWebhook(MESSAGE, [SECRET, `whsk_${SEED}`]))
  for (const [name, value] of Object.entries(change)) {
    if (value === null) headers.delete(name)
    else headers.set(name, value)
  }
  return [SECRET, PUBLIC_KEY].map((key) => verifyWebhook(headers, body, [key]))
}

afterEach(() => {
  vi.useRealTimers()
})

test('signatures are those of the published cases, by secret and by key', () => {
  expect(signWebhook(MESSAGE, [SECRET])).toEqual({
    'webhook-id': ID,
    'webhook-timestamp': String(TIMESTAMP),
    'webhook-signature': SIGNED,
  })
  expect(signWebhook(MESSAGE, [`whsk_${SEED}`])['webhook-signature']).toBe(SIGNED_BY_KEY)
})

test('a signed message gives its id and time', () => {
  const known = { id: ID, timestamp: TIMESTAMP }
  expect(receive()).toEqual([known, known])
})

test('a secret counts with and without its prefix, and a body as text or bytes', () => {
  const bare = SECRET.slice(6)
  expect(signWebhook({ ...MESSAGE, body: Buffer.from(BODY) }, [bare])['webhook-signature']).toBe(
    SIGNED,
  )
  vi.setSystemTime(TIMESTAMP * 1000)
  const headers = new Headers(signWebhook(MESSAGE, [bare]))
  expect(verifyWebhook(headers, Buffer.from(BODY), [SECRET])).not.toBeNull()
})

test.each([
  ['without its id', { 'webhook-id': null }],
  ['without its time', { 'webhook-timestamp': null }],
  ['without its signature', { 'webhook-signature': null }],
  ['with a time that is none', { 'webhook-timestamp': 'hello' }],
  ['with a time in another spelling', { 'webhook-timestamp': `0x${TIMESTAMP.toString(16)}` }],
  ['with another time', { 'webhook-timestamp': String(TIMESTAMP + 1) }],
  ['with another id', { 'webhook-id': 'msg_another' }],
  ['with another signature', { 'webhook-signature': 'v1,dawfeoifkpqwoekfpqoekf' }],
  ['with the beginning of one', { 'webhook-signature': SIGNED.slice(0, 8) }],
  ['with an empty one', { 'webhook-signature': 'v1,' }],
  ['with an empty one by a key', { 'webhook-signature': 'v1a,' }],
  ['with the bytes of one under another version', { 'webhook-signature': `v2${SIGNED.slice(2)}` }],
])('a message %s is refused', (_, change) => {
  expect(receive(change)).toEqual([null, null])
})

test('a message with another body is refused', () => {
  expect(receive({}, { body: '{"test": 2432232315}' })).toEqual([null, null])
})

test('five minutes either way are accepted, one second more is not', () => {
  for (const late of [-300, 300]) expect(receive({}, { late })).not.toContain(null)
  for (const late of [-301, 301]) expect(receive({}, { late })).toEqual([null, null])
})

test('one good signature among others is enough', () => {
  const list = [OTHER, `v2${OTHER.slice(2)}`, SIGNED, SIGNED_BY_KEY, OTHER].join(' ')
  expect(receive({ 'webhook-signature': list })).not.toContain(null)
  expect(receive({ 'webhook-signature': [...Array(10).fill(OTHER), SIGNED].join(' ') })).toEqual([
    null,
    null,
  ])
})

test('while secrets change, either is accepted, and what both signed by whoever knows one', () => {
  const [old, next] = ['a', 'b'].map((letter) => Buffer.alloc(32, letter).toString('base64'))
  const message = { ...MESSAGE, timestamp: Math.floor(Date.now() / 1000) }
  const byOld = new Headers(signWebhook(message, [old ?? '']))
  expect(verifyWebhook(byOld, BODY, [next ?? '', old ?? ''])).not.toBeNull()
  expect(verifyWebhook(byOld, BODY, [next ?? ''])).toBeNull()
  const byBoth = new Headers(signWebhook(message, [next ?? '', old ?? '']))
  for (const key of [old, next]) expect(verifyWebhook(byBoth, BODY, [key ?? ''])).not.toBeNull()
})

test('without any key nothing is accepted', () => {
  vi.setSystemTime(TIMESTAMP * 1000)
  expect(verifyWebhook(new Headers(signWebhook(MESSAGE, [SECRET])), BODY, [])).toBeNull()
})

test('a full stop cannot move between id, time and body', () => {
  vi.setSystemTime(TIMESTAMP * 1000)
  const headers = new Headers(signWebhook({ ...MESSAGE, body: `${TIMESTAMP}.x` }, [SECRET]))
  headers.set('webhook-id', `${ID}.${TIMESTAMP}`)
  expect(verifyWebhook(headers, 'x', [SECRET])).toBeNull()
  expect(() => signWebhook({ ...MESSAGE, id: 'a.b' }, [SECRET])).toThrow(RangeError)
})

test.each([
  '',
  'whsec_',
  'whsec_c2hvcnQ=',
  'not base64, but long enough for a secret',
  'whsk_AAAA',
])('the key %j is refused, not used', (key) => {
  expect(() => signWebhook(MESSAGE, [key])).toThrow(RangeError)
})
