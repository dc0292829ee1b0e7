import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { areEqual, writeBigFile } from '../local/big-file.ts'
import { jetty } from '../local/command.ts'
import { startBrowserWorld } from './browser-world.ts'

const MIB = 1024 * 1024
const SIZE = 80 * MIB
const SLOW = 2 * MIB
const OPEN = 400 * MIB
const UNTIL = { timeout: 60_000, interval: 100 }

let world: Awaited<ReturnType<typeof startBrowserWorld>>
beforeAll(async () => {
  world = await startBrowserWorld(SLOW)
}, 120_000)
afterAll(async () => await world?.stop(), 60_000)

const RESTARTS = {
  'all relays': async () => {
    await Promise.all(world.relays.map(({ down }) => down()))
    await Promise.all(world.relays.map(({ up }) => up()))
  },
  'the functions': () => world.functions.reload(),
  'the store': async () => {
    await world.store.down()
    await world.store.up()
  },
}

test.each(Object.entries(RESTARTS))(
  '%s restarted in the middle of an upload, it goes on and ends with the same bytes',
  async (name, restart) => {
    world.setRate(SLOW)
    const { apiKey } = await world.anAccount()
    const env = { JETTY_URL: world.url, JETTY_API_KEY: apiKey }
    const path = `${name.replace(' ', '-')}.bin`
    const file = join(world.folder, path)
    await writeBigFile(file, SIZE)

    const sending = jetty(env, 'upload', file, '--connections', '6', '--json')
    await vi.waitUntil(async () => (await world.storedParts(apiKey)).length >= 3, UNTIL)
    await restart()
    const stored = await world.storedParts(apiKey)
    expect(stored.length).toBeGreaterThanOrEqual(3)
    world.setRate(OPEN)
    const sent = await sending.ended
    expect(sent).toMatchObject({ code: 0 })
    // What was stored before is not sent again; what was under way on six connections may be.
    expect(sent.lines[0].sentBytes).toBeLessThan(SIZE + 12 * 5 * MIB)

    const back = join(world.folder, `back-${path}`)
    expect((await jetty(env, 'get', path, '-o', back).ended).code).toBe(0)
    expect(await areEqual(file, back)).toBe(true)
  },
  120_000,
)
