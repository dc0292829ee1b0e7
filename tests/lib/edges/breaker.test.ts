import { expect, test } from 'vitest'
import { isBroken } from '../../../lib/edges/breaker.ts'
import { HOUR, idsOf, MINUTE, NOW, ranked, standing, TWENTY } from './a-ranking.ts'

const edge = (seenAt: number | null) => {
  const [first] = TWENTY
  if (!first) throw new Error('no edges')
  return { ...first, seenAt }
}
const { id } = edge(null)
const failedOwn = (failuresInRow: number, failedAt: number) =>
  standing({ own: { [id]: { failuresInRow, failedAt } } })
const failedForAll = (failingAccounts: number, failedAt: number) =>
  standing({ shared: { [id]: { failingAccounts, failedAt } } })

test('three failed parts in a row take a relay out for the account, two do not', () => {
  expect(isBroken(edge(NOW - HOUR), failedOwn(3, NOW - MINUTE), NOW)).toBe(true)
  expect(isBroken(edge(NOW - HOUR), failedOwn(2, NOW - MINUTE), NOW)).toBe(false)
})

test('three accounts take it out for everybody, two do not', () => {
  expect(isBroken(edge(NOW - HOUR), failedForAll(3, NOW - MINUTE), NOW)).toBe(true)
  expect(isBroken(edge(NOW - HOUR), failedForAll(2, NOW - MINUTE), NOW)).toBe(false)
})

test('a probe that succeeds after the failure lets it back, one before it does not', () => {
  for (const known of [failedOwn(5, NOW - MINUTE), failedForAll(5, NOW - MINUTE)]) {
    expect(isBroken(edge(NOW - MINUTE + 1), known, NOW)).toBe(false)
    expect(isBroken(edge(NOW - MINUTE), known, NOW)).toBe(true)
    expect(isBroken(edge(null), known, NOW)).toBe(true)
  }
})

test("an account's own breaker ends after ten minutes, since its line may have been at fault; everybody's does not", () => {
  const [before, after] = [NOW - 10 * MINUTE + 1, NOW - 10 * MINUTE]
  expect(isBroken(edge(NOW - HOUR), failedOwn(3, before), NOW)).toBe(true)
  expect(isBroken(edge(NOW - HOUR), failedOwn(3, after), NOW)).toBe(false)
  expect(isBroken(edge(NOW - HOUR), failedForAll(3, after), NOW)).toBe(true)
})

test('a relay that is out is not in the ranking, and the next one takes its place', () => {
  const known = standing({ own: { 'lon-1': { failuresInRow: 3, failedAt: NOW } } })
  const ids = idsOf(ranked({ standing: known }))
  expect(ids).not.toContain('lon-1')
  expect(ids).toHaveLength(6)
})

test('direct is never taken out', () => {
  const out = { failuresInRow: 9, failedAt: NOW }
  const known = standing({
    own: { direct: out },
    shared: { direct: { failingAccounts: 9, failedAt: NOW } },
  })
  expect(idsOf(ranked({ standing: known }))).toContain('direct')
})
