import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Marker, placeLabels } from '../../../lib/cli/edges-labels.ts'
import { aLocation } from './edges-service.ts'

const SIZE = { rows: 10, columns: 40 }

/** Evenly spread, as doubles are not. */
const below = (end: number) =>
  fc.integer({ min: 0, max: end * 10 - 1 }).map((tenths) => tenths / 10)

const crowds = fc.array(
  fc.record({
    row: below(SIZE.rows),
    column: below(SIZE.columns),
    text: fc.stringMatching(/^[a-z]{1,8}-[0-9]$/),
  }),
  { maxLength: 15 },
)

const markerOf = (place: Omit<Marker, 'edge'>): Marker => ({ ...place, edge: aLocation('x') })

test('marks and names stay on the map, and near no other name or mark', () => {
  fc.assert(
    fc.property(crowds, (crowd) => {
      const { marks, labels, unlabelled } = placeLabels(crowd.map(markerOf), SIZE)
      expect(labels.length + unlabelled.length).toBe(crowd.length)
      for (const [at, label] of labels.entries()) {
        const end = label.column + label.text.length - 1
        expect(label.row >= 0 && label.row < SIZE.rows).toBe(true)
        expect(label.column >= 0 && end < SIZE.columns).toBe(true)

        const near = (from: number, to: number, row: number) =>
          row === label.row && to >= label.column && from <= end
        const others = labels.filter((_, other) => other !== at)
        expect(
          others.filter(({ row, column, text }) => near(column - 1, column + text.length, row)),
        ).toEqual([])
        expect(marks.filter(({ row, column }) => near(column, column, row))).toEqual([])
        const seeming = marks.filter(({ row, column }) => near(column - 2, column + 2, row))
        // Only its own mark stands beside a name.
        expect(seeming.filter(({ text }) => text !== label.text)).toEqual([])
      }
    }),
    { numRuns: 300 },
  )
})

test('who comes first stands at its own place, the next in the nearest free one', () => {
  const places = [
    { row: 4.5, column: 20.5, text: 'a-1' },
    { row: 4.5, column: 20.9, text: 'b-1' },
    { row: 4.4, column: 20.3, text: 'c-1' },
  ]
  const { marks } = placeLabels(places.map(markerOf), SIZE)
  expect(marks.map(({ row, column }) => [row, column])).toEqual([
    [4, 20],
    [4, 21],
    [4, 19],
  ])
})

test('a name stands right of its mark; at the right border left of it', () => {
  const places = [
    { row: 1.5, column: 3.5, text: 'a-1' },
    { row: 5.5, column: 38.5, text: 'b-1' },
  ]
  const { labels } = placeLabels(places.map(markerOf), SIZE)
  expect(labels.map(({ row, column }) => [row, column])).toEqual([
    [1, 5],
    [5, 34],
  ])
})
