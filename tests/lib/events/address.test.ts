import type { LookupAddress } from 'node:dns'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Problem } from '../../../lib/problem.ts'

process.env.EVENTS_ALLOWED_HOSTS = 'hooks.intern,10.9.9.9:8080'
const { isPublicAddress, parseEventUrl } = await import('../../../lib/events/address.ts')
const { requireEventUrl, resolvePublic } = await import('../../../lib/events/resolve.ts')

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '11.0.0.1',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2001:4860:4860::8888',
  '2600::1',
  '2a00:1450:4001:81b::200e',
]
test.each(PUBLIC)('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})

const PRIVATE = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.0',
  '10.255.255.255',
  '100.64.0.0',
  '100.100.100.200',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.7',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::8.8.8.8',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:7f00:1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::a00:1',
  '100::1',
  '2001::1',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2001:2::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:a00:1::1',
  '2002:808:808::1',
  '3fff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456:789a::1',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '2600::1%eth0',
  'example.com',
  '1.2.3',
  '',
]
test.each(PRIVATE)('%s is not', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test('no IPv4 address inside an IPv6 one is public, whichever it is', () => {
  fc.assert(
    fc.property(fc.ipV4(), (inner) => {
      const [a, b, c, d] = inner.split('.').map(Number)
      const hex = [(a ?? 0) * 256 + (b ?? 0), (c ?? 0) * 256 + (d ?? 0)]
        .map((n) => n.toString(16))
        .join(':')
      const wrapped = [`::ffff:${inner}`, `::${inner}`, `64:ff9b::${hex}`, `2002:${hex}::1`]
      expect(wrapped.filter(isPublicAddress)).toEqual([])
    }),
  )
})

const TAKEN = [
  ['https://hooks.example.com', 'https://hooks.example.com/'],
  ['https://HOOKS.Example.COM./a?b=c#d', 'https://hooks.example.com/a?b=c'],
  ['https://hooks.example.com:443/', 'https://hooks.example.com/'],
  ['https://hooks.example.com:8443/', 'https://hooks.example.com:8443/'],
  ['https://8.8.8.8/', 'https://8.8.8.8/'],
  ['https://134744072/', 'https://8.8.8.8/'],
  ['https://[2600::1]/', 'https://[2600::1]/'],
  ['https://bücher.example.com/', 'https://xn--bcher-kva.example.com/'],
  ['http://hooks.intern/', 'http://hooks.intern/'],
  ['https://hooks.intern:9000/', 'https://hooks.intern:9000/'],
  ['http://10.9.9.9:8080/', 'http://10.9.9.9:8080/'],
  ['https://localhost.example.com/', 'https://localhost.example.com/'],
]
test.each(TAKEN)('%s is taken', (text, url) => {
  expect(parseEventUrl(text).href).toBe(url)
})

const REFUSED = [
  'nonsense',
  'http://hooks.example.com/',
  'ftp://hooks.example.com/',
  'file:///etc/passwd',
  'data:text/plain,a',
  'javascript:alert(1)',
  'https://user@hooks.example.com/',
  'https://:word@hooks.example.com/',
  'http://user@hooks.intern/',
  'ftp://hooks.intern/',
  'https://hooks.example.com:80/',
  'https://hooks.example.com:22/',
  'https://hooks.example.com:9200/',
  'https://localhost/',
  'https://LOCALHOST/',
  'https://localhost./',
  'https://a.localhost/',
  'https://intern/',
  'https://hooks/',
  'https://hooks./',
  'https://printer.local/',
  'https://metadata.google.internal/',
  'https://metadata.google.internal./',
  'https://router.home.arpa/',
  'https://abc.onion/',
  'https://ⓛocalhost/',
  'https://ｌocalhost/',
  'https://127.0.0.1/',
  'https://127.0.0.1./',
  'https://127.1/',
  'https://127.0.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://%31%32%37.0.0.1/',
  'https://１２７.0.0.1/',
  'https://127。0。0。1/',
  'https://0/',
  'https://0.0.0.0/',
  'https://[::1]/',
  'https://[::]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[64:ff9b::a00:1]/',
  'https://[2002:a00:1::]/',
  'https://[fd00::1]/',
  'https://[fe80::1]/',
  'https://[fe80::1%25eth0]/',
  'https://169.254.169.254/latest/meta-data/',
  'https://2852039166/',
  'https://0251.0376.0251.0376/',
  'https://10.9.9.9:8081/',
  'http://10.9.9.9/',
  'https://10.9.9.9/',
  `https://hooks.example.com/${'a'.repeat(2048)}`,
  'https://1.2.3.4.5/',
  'https://256.1.1.1/',
]
test.each(REFUSED)('%s is refused', (text) => {
  expect(() => parseEventUrl(text)).toThrow(Problem)
})

const answering =
  (...addresses: string[]) =>
  async (): Promise<LookupAddress[]> =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

test('a name is refused where one of its addresses is not public', async () => {
  for (const bad of ['10.0.0.1', '127.0.0.1', '::1', '::ffff:10.0.0.1', '169.254.169.254']) {
    const asked = requireEventUrl(
      'https://hooks.example.com/',
      answering('8.8.8.8', bad, '2600::1'),
    )
    await expect(asked).rejects.toMatchObject({ slug: 'events-url-refused' })
  }
  const good = requireEventUrl('https://hooks.example.com/', answering('8.8.8.8', '2600::1'))
  expect(await good).toBe('https://hooks.example.com/')
})

test('a name that leads nowhere yet is taken, and so is one that is slow to resolve', async () => {
  const nowhere = async () => {
    throw Object.assign(new Error('nobody'), { code: 'ENOTFOUND' })
  }
  expect(await requireEventUrl('https://hooks.example.com/', nowhere)).toBe(
    'https://hooks.example.com/',
  )
  const never = () => new Promise<LookupAddress[]>(() => {})
  expect(await requireEventUrl('https://hooks.example.com/', never)).toBe(
    'https://hooks.example.com/',
  )
})

test('what the operator vouches for may be private', async () => {
  const url = parseEventUrl('http://hooks.intern/')
  expect(await resolvePublic(url, answering('10.0.0.1'))).toEqual([
    { address: '10.0.0.1', family: 4 },
  ])
})

test('an address needs no name server', async () => {
  const asked = async () => {
    throw new Error('asked')
  }
  expect(await resolvePublic(parseEventUrl('https://[2600::1]/'), asked)).toEqual([
    { address: '2600::1', family: 6 },
  ])
})
