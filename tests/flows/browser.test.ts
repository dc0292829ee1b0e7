import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { layoutOf, partRange } from '../../lib/content/layout.ts'
import type { TestAccount } from '../local/account.ts'
import { areEqual, writeBigFile } from '../local/big-file.ts'
import { startBrowser, type TestBrowser, withBrowser } from '../local/browser.ts'
import { jetty } from '../local/command.ts'
import { startBrowserWorld } from './browser-world.ts'

const MIB = 1024 * 1024
const SIZE = 80 * MIB
/** Of each of three ways: slow enough to be seen under way, then open. */
const SLOW = 2 * MIB
const OPEN = 400 * MIB
const UNTIL = { timeout: 90_000, interval: 200 }
const LIMIT = { timeout: 180_000 }

withBrowser(() => {
  let world: Awaited<ReturnType<typeof startBrowserWorld>>
  let browser: TestBrowser
  beforeAll(async () => {
    world = await startBrowserWorld(SLOW)
    browser = await startBrowser()
  }, 120_000)
  afterAll(async () => {
    await browser?.stop()
    await world?.stop()
  }, 60_000)

  /** The upload page of a new tab, with the account's key. */
  async function openPage({ apiKey }: TestAccount): Promise<Page> {
    const page = await browser.open(`${world.url}/upload/`)
    await page.locator('#key').fill(apiKey)
    await page.getByRole('button', { name: 'Use it' }).click()
    await page.getByText('Choose files').waitFor()
    return page
  }

  function cli({ apiKey }: TestAccount, ...words: string[]) {
    return jetty({ JETTY_URL: world.url, JETTY_API_KEY: apiKey }, ...words)
  }

  async function aFile(name: string, bytes = SIZE): Promise<string> {
    const file = join(world.folder, name)
    await writeBigFile(file, bytes)
    return file
  }

  /** The numbers of the parts that the store was sent from now on, when the function is called. */
  function partsSent(): () => number[] {
    const from = world.requests.length
    return () =>
      world.requests
        .slice(from)
        .filter(({ port, method }) => port === world.store.port && method === 'PUT')
        .filter(({ url }) => url.includes('partNumber='))
        .map(({ url }) => Number(new URL(url, 'http://store').searchParams.get('partNumber')))
  }

  async function writeAt(file: string, offset: number, bytes: Buffer): Promise<void> {
    const handle = await open(file, 'r+')
    await handle.write(bytes, 0, bytes.length, offset)
    await handle.close()
  }

  async function untilStored({ apiKey }: TestAccount, count: number): Promise<void> {
    await vi.waitUntil(async () => (await world.storedParts(apiKey)).length >= count, UNTIL)
  }

  async function expectSame(account: TestAccount, path: string, file: string): Promise<void> {
    const back = join(world.folder, `back-${path}`)
    expect((await cli(account, 'get', path, '-o', back).ended).code).toBe(0)
    expect(await areEqual(file, back)).toBe(true)
  }

  test(
    'begun on the command line and killed, an upload is seen and finished in the browser, which sends what is missing alone',
    LIMIT,
    async () => {
      world.setRate(SLOW)
      const account = await world.anAccount()
      const file = await aFile('from-cli.bin')
      const page = await openPage(account)
      const first = cli(account, 'upload', file, '--connections', '6', '--json')
      const row = page.locator('#open li', { hasText: 'from-cli.bin' })
      await row.filter({ hasText: '/s' }).filter({ hasText: 'api' }).waitFor()

      await untilStored(account, 6)
      first.child.kill('SIGKILL')
      await first.ended
      const stored = await world.storedParts(account.apiKey)
      expect(stored.length).toBeLessThan(layoutOf(SIZE).partCount)

      world.setRate(OPEN)
      const sent = partsSent()
      await page.locator('#choose').setInputFiles(file)
      await page.locator('#done li', { hasText: 'from-cli.bin' }).waitFor()
      expect(sent().filter((number) => stored.includes(number))).toEqual([])
      expect(new Set(sent()).size).toBeLessThanOrEqual(layoutOf(SIZE).partCount - stored.length)
      await expectSame(account, 'from-cli.bin', file)
      await page.close()
    },
  )

  test(
    'begun in the browser and closed, an upload is seen and finished on the command line, which sends what is missing alone',
    LIMIT,
    async () => {
      world.setRate(SLOW)
      const account = await world.anAccount()
      const file = await aFile('from-page.bin')
      const page = await openPage(account)
      await page.locator('#choose').setInputFiles(file)
      await vi.waitUntil(async () => {
        const { lines } = await cli(account, 'uploads', '--json').ended
        const [session] = lines[0]?.sessions ?? []
        return session?.uploadVia === 'web' && lines[0].percent > 0
      }, UNTIL)

      await untilStored(account, 4)
      await page.close()
      const stored = await world.storedParts(account.apiKey)
      expect(stored.length).toBeLessThan(layoutOf(SIZE).partCount)

      world.setRate(OPEN)
      const sent = partsSent()
      const second = await cli(account, 'upload', file, '--json').ended
      expect(second).toMatchObject({ code: 0 })
      expect(sent().filter((number) => stored.includes(number))).toEqual([])
      const missing = stored.map((number) => partRange(layoutOf(SIZE), number).length)
      const missingBytes = SIZE - missing.reduce((sum, bytes) => sum + bytes, 0)
      expect(second.lines[0].sentBytes).toBeLessThan(missingBytes + 0.15 * SIZE)
      await expectSame(account, 'from-page.bin', file)
    },
  )

  test('paused, nothing more is sent; resumed, what is missing', LIMIT, async () => {
    world.setRate(SLOW)
    const account = await world.anAccount()
    const file = await aFile('paused.bin', 120 * MIB)
    const page = await openPage(account)
    await page.locator('#choose').setInputFiles(file)
    await untilStored(account, 2)
    await page.locator('#pause').click()
    // The answers of parts that are all handed over are waited for; they need not take long.
    world.setRate(OPEN)
    await page.locator('#sending-state', { hasText: 'Paused.' }).waitFor()
    const quiet = { at: -1 }
    await vi.waitUntil(
      () => {
        const same = quiet.at === world.bytesUp()
        quiet.at = world.bytesUp()
        return same
      },
      { timeout: 60_000, interval: 1_000 },
    )
    const stored = await world.storedParts(account.apiKey)
    const sent = partsSent()
    await page.locator('#resume').click()
    await page.locator('#done li', { hasText: 'paused.bin' }).waitFor()
    expect(sent().filter((number) => stored.includes(number))).toEqual([])
    await expectSame(account, 'paused.bin', file)
    await page.close()
  })

  test(
    'relay, functions and store away in the middle of an upload from the browser, it is finished when they are back',
    LIMIT,
    async () => {
      world.setRate(SLOW)
      const account = await world.anAccount()
      const file = await aFile('restarts.bin', 60 * MIB)
      const page = await openPage(account)
      await page.locator('#choose').setInputFiles(file)
      await untilStored(account, 2)
      for (const server of [world.relays[0], world.store]) {
        await server?.down()
        await server?.up()
      }
      await world.functions.reload()
      const stored = await world.storedParts(account.apiKey)
      expect(stored.length).toBeGreaterThanOrEqual(2)
      world.setRate(OPEN)
      await page.locator('#done li', { hasText: 'restarts.bin' }).waitFor()
      await expectSame(account, 'restarts.bin', file)
      await page.close()
    },
  )

  test.each(['pro', 'starter'])(
    'a part costs one preflight, over relays (pro) as straight to the store (starter): browsers keep answers by address, and every part has its own',
    LIMIT,
    async (tier) => {
      world.setRate(OPEN)
      const account = await world.anAccount(tier)
      const file = await aFile(`preflights-${tier}.bin`, 60 * MIB)
      const { partCount } = layoutOf(60 * MIB)
      const page = await openPage(account)
      const from = world.requests.length
      await page.locator('#choose').setInputFiles(file)
      await page.locator('#done li', { hasText: `preflights-${tier}.bin` }).waitFor()

      const seen = world.requests.slice(from).filter(({ url }) => url.includes('partNumber='))
      // A relay passes PUTs on to the store; preflights it answers itself.
      const parts = seen.filter(({ port, method }) => method === 'PUT' && port === world.store.port)
      const preflights = seen.filter(({ method }) => method === 'OPTIONS')
      const atStore = preflights.filter(({ port }) => port === world.store.port)
      console.log(
        `${tier}: ${parts.length} parts, ${preflights.length} preflights, ${atStore.length} at the store`,
      )
      // A part that is sent again over the same address costs no other; over another one it does.
      expect(preflights.length).toBeGreaterThanOrEqual(partCount)
      expect(preflights.length).toBeLessThanOrEqual(2 * partCount)
      expect(atStore.length > 0.5 * preflights.length).toBe(tier === 'starter')
      // About six connections go to one name, so a relay is asked under all that it has.
      const names = new Set(preflights.map(({ host }) => host.split(':')[0]))
      const relayNames = ['127.0.0.1', 'localhost', 'more.localhost']
      if (tier === 'pro') expect([...names]).toEqual(expect.arrayContaining(relayNames))
      await page.close()
    },
  )

  test('without a network in the middle the page waits and goes on by itself', LIMIT, async () => {
    world.setRate(SLOW)
    const account = await world.anAccount()
    const file = await aFile('offline.bin', 60 * MIB)
    const page = await openPage(account)
    const before = world.bytesUp()
    await page.locator('#choose').setInputFiles(file)
    await vi.waitUntil(() => world.bytesUp() - before > 5 * MIB, UNTIL)
    await page.context().setOffline(true)
    await page.locator('#figures', { hasText: 'waiting for the network' }).waitFor()
    world.setRate(OPEN)
    await page.context().setOffline(false)
    await page.locator('#done li', { hasText: 'offline.bin' }).waitFor()
    await expectSame(account, 'offline.bin', file)
    await page.close()
  })

  test(
    'files are hashed by workers, and by the page where those do not load, while connections to known relays are opened; of a changed one the changed parts go',
    LIMIT,
    async () => {
      world.setRate(OPEN)
      const account = await world.anAccount()
      const file = await aFile('workers.bin', 40 * MIB)
      const page = await openPage(account)
      await page.locator('#choose').setInputFiles(file)
      await page.locator('#done li', { hasText: 'workers.bin' }).waitFor()
      expect(page.workers().length).toBeGreaterThanOrEqual(2)

      await writeAt(file, 12 * MIB, randomBytes(1000))
      const before = world.bytesUp()
      await page.locator('#choose').setInputFiles(file)
      await page
        .locator('#done li', { hasText: 'workers.bin' })
        .getByText('sent 5.0 MiB of 40.0 MiB (13 %)')
        .waitFor()
      expect(world.bytesUp() - before).toBeLessThan(11 * MIB)
      await expectSame(account, 'workers.bin', file)
      await page.close()

      const other = await openPage(account)
      await other.route('**/hash-worker.js', (route) => route.abort())
      const from = world.requests.length
      await other.locator('#choose').setInputFiles(file)
      // The same digests: the account has it.
      await other.locator('#done li', { hasText: 'was stored already' }).waitFor()
      expect(other.workers()).toEqual([])
      // Connections to the relays of the upload before were opened meanwhile, though nothing was sent in the end.
      const warmed = () => world.requests.slice(from).filter(({ url }) => url === '/health')
      await vi.waitUntil(() => warmed().length >= 5, UNTIL)
      expect(new Set(warmed().map(({ port }) => port)).size).toBe(2)
      await other.close()
    },
  )

  test(
    'a page that nobody gave a key asks for one, says when it is not accepted, and keeps it out of every address',
    LIMIT,
    async () => {
      const page = await browser.open(`${world.url}/upload/`)
      await page.locator('#key').fill('jt_live_nothing')
      await page.getByRole('button', { name: 'Use it' }).click()
      await page.getByText('does not accept this key').waitFor()
      expect(page.url()).toBe(`${world.url}/upload/`)
      expect(world.requests.filter(({ url }) => url.includes('jt_live'))).toEqual([])
      expect(browser.troubles).toEqual([])
      await page.close()
    },
  )
})
