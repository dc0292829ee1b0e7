import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createEngine } from '../../../lib/client/engine.ts'
import type { Network } from '../../../lib/client/engine-state.ts'
import { failure } from '../../../lib/client/failure.ts'
import type { Flight } from '../../../lib/client/flight.ts'
import { createPauser } from '../../../lib/client/pauser.ts'
import { anEngine, MIB } from './a-path.ts'

const EDGES = ['near', 'next', 'far'].map((id) => ({ id, url: `http://${id}.test` }))
const connections = 8
const FAKED = ['performance', 'setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] as const

test('nothing starts before it is known which paths there are', async () => {
  const { engine, send, attempts } = anEngine(() => 50 * MIB)
  const sent = send(2, MIB)
  await sleep(30)
  expect(attempts.size).toBe(0)
  engine.use({ edges: [], connections })
  await sent
})

test('the nearest relay carries most where all are alike, and every relay was tried', async () => {
  const { engine, send, progress } = anEngine(() => 4 * MIB)
  engine.use({ edges: EDGES, connections })
  await send(60, MIB)
  const [near = 0, next = 0, far = 0] = EDGES.map(({ id }) => progress.perPath.get(id) ?? 0)
  expect(near).toBeGreaterThan(next + far)
  expect(Math.min(next, far)).toBeGreaterThan(0)
  expect(progress.perPath.get('direct') ?? 0).toBeLessThanOrEqual(6 * MIB)
})

test('of four connections the nearest relay may have all', async () => {
  const { engine, send, progress } = anEngine(() => 4 * MIB)
  engine.use({ edges: EDGES, connections: 4 })
  await send(4, MIB)
  expect(progress.perPath.get('near')).toBe(4 * MIB)
})

test('a path that is ten times slower than the others soon carries little, even when it is the first', async () => {
  const { engine, send, progress } = anEngine(({ route }) =>
    route.id === 'near' ? 0.4 * MIB : 4 * MIB,
  )
  engine.use({ edges: EDGES, connections })
  await send(60, MIB)
  expect((progress.perPath.get('near') ?? 0) / (60 * MIB)).toBeLessThan(0.25)
})

test('a part that lags is sent again, the first to arrive counts, and the other is given up', async () => {
  let lagging: Flight | undefined
  const { engine, send, attempts, progress } = anEngine((flight) => {
    lagging ??= flight
    return flight === lagging ? 0.2 * MIB : 4 * MIB
  })
  engine.use({ edges: EDGES, connections })
  const startedAt = performance.now()
  await send(8, 2 * MIB)
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  const hedged = [...attempts.values()].filter(({ length }) => length > 1)
  expect(hedged).toHaveLength(1)
  expect(hedged[0]?.filter(({ signal }) => signal.aborted)).toHaveLength(1)
  expect(progress.bytes).toBe(16 * MIB)
  expect(engine.wasted()).toBeLessThan(0.12 * 16 * MIB)
  await vi.waitUntil(() => engine.inFlight() === 0)
})

test('parts that all go alike are sent once', async () => {
  const { engine, send, attempts } = anEngine(() => 2 * MIB)
  engine.use({ edges: EDGES, connections })
  await send(20, MIB)
  expect([...attempts.values()].every(({ length }) => length === 1)).toBe(true)
  expect(engine.wasted()).toBe(0)
})

test('a part that stops moving goes over another path', { timeout: 20_000 }, async () => {
  const { engine, send, attempts, arrived } = anEngine(({ route, bytes }) =>
    route.id === 'near' && bytes > 0.5 * MIB && arrived.length === 1 ? 0 : 20 * MIB,
  )
  engine.use({ edges: EDGES, connections: 1 })
  await send(2, 2 * MIB)
  const tries = attempts.get(1) ?? []
  expect(tries[0]?.route.id).toBe('near')
  expect(tries.at(-1)?.route.id).not.toBe('near')
})

test('a store that asks to slow down gets half the connections', async () => {
  let isThrottling = false
  const { engine, send } = anEngine(() => {
    if (!isThrottling) return 2 * MIB
    isThrottling = false
    return failure('503 SlowDown', 'elsewhere', { throttled: true })
  })
  engine.use({ edges: [], connections })
  const sent = send(60, 0.5 * MIB)
  await vi.waitUntil(() => engine.inFlight() === connections)
  isThrottling = true
  await vi.waitUntil(() => engine.inFlight() === connections / 2)
  await sent
})

test('a pause gives up what is under way at once, and nothing starts until it ends', async () => {
  const pauser = createPauser()
  const { engine, send, arrived, progress } = anEngine(() => 2 * MIB, { pauser })
  engine.use({ edges: EDGES, connections: 4 })
  const sent = send(12, MIB)
  await vi.waitUntil(() => arrived.length >= 2)
  pauser.pause()
  await vi.waitUntil(() => engine.inFlight() === 0)
  const before = arrived.length
  await sleep(300)
  expect(arrived).toHaveLength(before)
  expect(progress.bytes).toBe(before * MIB)
  pauser.resume()
  await sent
  expect(progress.bytes).toBe(12 * MIB)
})

test('without a network nothing is tried; when it is back everything goes on at once', async () => {
  const network = aNetwork()
  const { engine, send, attempts, gaveUp } = anEngine(
    () => (network.isOnline() ? 20 * MIB : failure('no route', 'elsewhere', { away: true })),
    { network },
  )
  engine.use({ edges: EDGES, connections })
  network.set(false)
  const sent = send(6, MIB)
  await sleep(100)
  expect(attempts.size).toBe(0)
  network.set(true)
  await sent
  expect(gaveUp).toHaveLength(0)
})

function aNetwork(): Network & { set: (online: boolean) => void } {
  let online = true
  let tell = () => {}
  return {
    isOnline: () => online,
    onOnline: (listener) => {
      tell = listener
      return () => {}
    },
    set: (value) => {
      online = value
      if (online) tell()
    },
  }
}

test('a wait that ends while the engine looks for work is not slept through', async () => {
  vi.useFakeTimers({ toFake: [...FAKED] })
  const clock = performance.now.bind(performance)
  // Timers fire a little early; so many looks at the clock are then still before the end of the wait.
  let looksBefore = 0
  const spy = vi
    .spyOn(performance, 'now')
    .mockImplementation(() => clock() - (looksBefore-- > 0 ? 1.01 : 0))
  try {
    for (const looks of [0, 1, 2, 3, 4, 5]) {
      const { engine, send, arrived } = anEngine((_, attempt) =>
        attempt === 0 ? failure('no', 'elsewhere', { waitMs: 1_000 }) : 50 * MIB,
      )
      engine.use({ edges: [], connections: 1 })
      void send(1, MIB)
      await vi.advanceTimersByTimeAsync(900)
      looksBefore = looks
      await vi.advanceTimersByTimeAsync(5_000)
      expect({ looks, arrived }).toEqual({ looks, arrived: [0] })
    }
  } finally {
    spy.mockRestore()
    vi.useRealTimers()
  }
})

test('a network that is away is waited for, however often parts fail; a store that answers with errors is not', async () => {
  vi.useFakeTimers({ toFake: [...FAKED] })
  try {
    const outcomes = [true, false].map((away) => {
      const { engine, send, gaveUp } = anEngine(() => failure('no', 'elsewhere', { away }))
      engine.use({ edges: [], connections: 1 })
      void send(1, MIB)
      return { engine, gaveUp }
    })
    await vi.advanceTimersByTimeAsync(20 * 60_000)
    expect(outcomes.map(({ gaveUp }) => gaveUp.length)).toEqual([0, 1])
    for (const { engine } of outcomes) engine.stop(new Error('enough'))
  } finally {
    vi.useRealTimers()
  }
})

test('a limit holds over all connections together', async () => {
  const { engine, send } = anEngine(() => 50 * MIB, { bytesPerSecondMax: 4 * MIB })
  engine.use({ edges: EDGES, connections })
  const startedAt = performance.now()
  await send(12, 0.5 * MIB)
  const seconds = (performance.now() - startedAt) / 1000
  expect((6 * MIB) / seconds).toBeLessThan(4.8 * MIB)
})

test('a part that a limit holds back for minutes has not stalled', async () => {
  vi.useFakeTimers({ toFake: [...FAKED] })
  try {
    let attempts = 0
    let arrived = 0
    const engine = createEngine({ onBytes: () => {}, bytesPerSecondMax: MIB / 60 })
    engine.use({ edges: [], connections: 3 })
    engine.add(
      [1, 2, 3].map(() => ({
        bytes: MIB,
        wanted: () => true,
        giveUp: () => {},
        run: async (flight: Flight) => {
          attempts += 1
          await flight.pace(MIB)
          if (flight.signal.aborted) throw failure('stopped', 'again')
          flight.moved(MIB)
          arrived += 1
        },
      })),
    )
    await vi.advanceTimersByTimeAsync(4 * 60_000)
    expect([attempts, arrived]).toEqual([3, 3])
  } finally {
    vi.useRealTimers()
  }
})

test('shortly before the end it is told, not before', async () => {
  const toldAt: number[] = []
  const { engine, send, progress } = anEngine(() => MIB, {
    onNearEnd: () => toldAt.push(progress.bytes),
  })
  engine.use({ edges: EDGES, connections: 2 })
  await send(4, 2 * MIB)
  const [first = 0] = toldAt
  expect(first).toBeGreaterThan(4 * MIB)
  expect(first).toBeLessThan(8 * MIB)
})

test('one host gets no more connections than a browser opens; a relay with more names gets more', async () => {
  const { engine, send, attempts } = anEngine(() => 4 * MIB, { connectionsPerHost: 2 })
  const alternateUrls = ['http://near-2.test']
  engine.use({ edges: [{ id: 'near', url: 'http://near.test', alternateUrls }], connections: 4 })
  const sent = send(12, MIB)
  expect(engine.inFlight()).toBe(4)
  const urls = [...attempts.values()].map(([flight]) => flight?.url)
  expect(urls.sort()).toEqual([
    'http://near-2.test',
    'http://near-2.test',
    'http://near.test',
    'http://near.test',
  ])
  engine.use({ edges: [{ id: 'near', url: 'http://near.test', alternateUrls }], connections: 8 })
  await vi.waitUntil(() => engine.inFlight() > 4)
  await vi.waitUntil(() => [...attempts.values()].some(([flight]) => flight?.url === null))
  await sent
})
