import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OwnMeasurement } from '../../../lib/edges/measurement.ts'
import {
  type Contribution,
  contributionOf,
  keepNewest,
  readContribution,
  readPublished,
  shareOf,
} from '../../../lib/edges/shared.ts'

const NOW = Date.UTC(2026, 10, 1)
const HOUR = 3600 * 1000
const FIGURES = ['throughputMbps', 'relativeThroughput', 'latencyMs', 'errorRate'] as const

test('an account says how fast a path is beside its best one, and no more than that one', () => {
  const own = new Map([
    ['lon-1', measured({ throughputMbps: 80 })],
    ['direct', measured({ throughputMbps: 20 })],
  ])
  expect(contributionOf(own, 'direct', { region: 'lon-1', now: NOW })).toEqual({
    region: 'lon-1',
    throughputMbps: 20,
    relativeThroughput: 0.25,
    latencyMs: 10,
    errorRate: 0,
    failedAt: null,
    at: NOW,
  })
  expect(contributionOf(own, 'lon-1', { region: null, now: NOW })?.relativeThroughput).toBe(1)
  expect(contributionOf(own, 'tyo-1', { region: null, now: NOW })).toBeNull()
})

test('what was measured an hour ago, perhaps elsewhere, is nothing to compare with', () => {
  const own = new Map([
    ['lon-1', measured({ throughputMbps: 20 })],
    ['direct', measured({ throughputMbps: 900, measuredAt: NOW - HOUR })],
  ])
  expect(contributionOf(own, 'lon-1', { region: null, now: NOW })?.relativeThroughput).toBeNull()
})

test('a path fails for an account that saw three failures in a row, not two', () => {
  const own = new Map([
    ['two', measured({ failuresInRow: 2, failedAt: NOW - 1 })],
    ['three', measured({ failuresInRow: 3, failedAt: NOW - 1 })],
  ])
  expect(contributionOf(own, 'two', { region: null, now: NOW })?.failedAt).toBeNull()
  expect(contributionOf(own, 'three', { region: null, now: NOW })?.failedAt).toBe(NOW - 1)
})

test('two accounts say nothing; three say the middle; four the middle of the two inner ones', () => {
  const said = [0.2, 0.9, 0.4, 0.5].map((relativeThroughput) => voice({ relativeThroughput }))
  expect(shareOf(said.slice(0, 2), NOW)).toBeNull()
  expect(shareOf(said.slice(0, 3), NOW)).toMatchObject({ relativeThroughput: 0.4, accounts: 3 })
  expect(shareOf(said, NOW)).toMatchObject({ relativeThroughput: 0.45, accounts: 4 })
})

test('a figure that fewer than three accounts know is not known', () => {
  const said = [voice({ latencyMs: null }), voice({}), voice({})]
  expect(shareOf(said, NOW)).toMatchObject({ latencyMs: null, relativeThroughput: 0.5 })
})

test('one more account, whatever it says, leaves every figure within what the others say', () => {
  fc.assert(
    fc.property(
      fc.array(anyVoice(), { minLength: 3, maxLength: 12 }),
      anyVoice(),
      (honest, liar) => {
        const said = shareOf([...honest, liar], NOW)
        if (said === null) throw new Error('three say something')
        for (const name of FIGURES) expectWithin(said[name], figures(honest, name))
        expectWithin(said.measuredAt, figures(honest, 'at'))
        const failed = figures(honest, 'failedAt').sort((a, b) => b - a)
        expect(said.failingAccounts).toBeLessThanOrEqual(failed.length + 1)
        if (said.failedAt !== null) expect(said.failedAt).toBeLessThanOrEqual(failed[1] ?? 0)
      },
    ),
    { numRuns: 2000 },
  )
})

test('neither the order nor the weight of words counts: the same voices say the same', () => {
  fc.assert(
    fc.property(fc.array(anyVoice(), { minLength: 3, maxLength: 9 }), (said) => {
      expect(shareOf(said.toReversed(), NOW)).toEqual(shareOf(said, NOW))
    }),
  )
})

test('of many voices the last hour counts, and the newest nine in any case', () => {
  const old = Array.from({ length: 40 }, (_, n) =>
    voice({ relativeThroughput: 1, at: NOW - 2 * HOUR - n }),
  )
  const slow = (count: number) =>
    Array.from({ length: count }, () => voice({ relativeThroughput: 0.1, at: NOW - 1 }))
  expect(shareOf([...old, ...slow(4)], NOW)).toMatchObject({ relativeThroughput: 1, accounts: 9 })
  expect(shareOf([...old, ...slow(5)], NOW)).toMatchObject({ relativeThroughput: 0.1, accounts: 9 })
  expect(shareOf([...old, ...slow(20)], NOW)).toMatchObject({ accounts: 20 })
})

test('what is said is as old as the third newest voice, and gone when fewer than three are left', () => {
  const said = [1, 30, 40].map((hours) => voice({ at: NOW - hours * HOUR }))
  const share = shareOf(said, NOW)
  expect(share?.measuredAt).toBe(NOW - 40 * HOUR)

  const stored = JSON.parse(JSON.stringify(share))
  expect(readPublished(stored, NOW + 8 * HOUR - 1)).toEqual(share)
  expect(readPublished(stored, NOW + 8 * HOUR)).toBeNull()
  expect(shareOf(said, NOW + 8 * HOUR)).toBeNull()
})

test('a path fails for all since the third newest failure; one account cannot say it again', () => {
  const failing = [50, 40, 30, 1].map((minutes) => voice({ failedAt: NOW - minutes * 60_000 }))
  expect(shareOf(failing, NOW)).toMatchObject({
    failingAccounts: 4,
    failedAt: NOW - 40 * 60_000,
  })
  const two = [voice({ failedAt: NOW }), voice({ failedAt: NOW }), voice({})]
  expect(shareOf(two, NOW)).toMatchObject({ failingAccounts: 2, failedAt: null })
})

test('of a crowd the newest 64 are kept, and it displaces nobody of another region', () => {
  const said = new Map<string, Contribution>()
  for (let n = 0; n < 3; n++) said.set(`sao-${n}`, voice({ region: 'sao-1', at: NOW - 40 * HOUR }))
  for (let n = 0; n < 80; n++) said.set(`lon-${n}`, voice({ region: 'lon-1', at: NOW - n }))

  const kept = keepNewest(said)
  expect(kept.size).toBe(64)
  expect([...kept.keys()].filter((who) => who.startsWith('sao'))).toHaveLength(3)
  expect(kept.has('lon-60')).toBe(true)
  expect(kept.has('lon-61')).toBe(false)
})

test('what is stored in another shape, or older than 48 hours, is not a contribution', () => {
  const good = voice({})
  expect(readContribution(good, NOW + 48 * HOUR - 1)).toEqual(good)
  expect(readContribution(good, NOW + 48 * HOUR)).toBeNull()
  for (const wrong of [null, 1, {}, { ...good, relativeThroughput: 1.1 }, { ...good, at: '1' }])
    expect(readContribution(wrong, NOW)).toBeNull()
})

test('what is published in another shape, or from fewer than three accounts, is not known', () => {
  const good = shareOf([voice({}), voice({}), voice({})], NOW)
  expect(readPublished(good, NOW)).toEqual(good)
  for (const wrong of [null, {}, { ...good, accounts: 2 }, { ...good, latencyMs: -1 }])
    expect(readPublished(wrong, NOW)).toBeNull()
})

function measured(some: Partial<OwnMeasurement>): OwnMeasurement {
  return {
    throughputMbps: 50,
    latencyMs: 10,
    errorRate: 0,
    failuresInRow: 0,
    failedAt: null,
    measuredAt: NOW,
    ...some,
  }
}

function voice(some: Partial<Contribution>): Contribution {
  return {
    region: 'lon-1',
    throughputMbps: 50,
    relativeThroughput: 0.5,
    latencyMs: 10,
    errorRate: 0,
    failedAt: null,
    at: NOW,
    ...some,
  }
}

function anyVoice() {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  const positive = fc.double({ min: 1e-6, max: 1e6, noNaN: true })
  const time = fc.integer({ min: NOW - 47 * HOUR, max: NOW + HOUR })
  return fc.record({
    region: fc.constant('lon-1'),
    throughputMbps: fc.option(positive),
    relativeThroughput: fc.option(share),
    latencyMs: fc.option(positive),
    errorRate: share,
    failedAt: fc.option(time),
    at: time,
  })
}

function figures(said: Contribution[], name: keyof Omit<Contribution, 'region'>): number[] {
  return said.flatMap((one) => one[name] ?? [])
}

function expectWithin(value: number | null, range: number[]): void {
  if (value === null) return
  expect(value).toBeGreaterThanOrEqual(Math.min(...range))
  expect(value).toBeLessThanOrEqual(Math.max(...range))
}
