import type { EdgeStatus } from '../client/wire-edges.ts'

type Place = { row: number; column: number }
type Size = { rows: number; columns: number }

/** An edge and its name at a character of the map; fractions say where in the character. */
export type Marker = Place & { edge: EdgeStatus; text: string }

/** Marks one to a character, names that touch nothing, and the edges without a name; places are whole characters. */
export type Placed = { marks: Marker[]; labels: Marker[]; unlabelled: EdgeStatus[] }

/** Blanks between two names, which could not be told apart, and between a name and another's mark, which it would seem to name. */
const NAME_MARGIN = 1
const MARK_MARGIN = 2
/** So far from its place a mark may stand. */
const NEIGHBOURS = [-2, -1, 0, 1, 2]

/**
 * Finds room for marks and names on a map; who comes first, chooses first. A mark whose character is taken stands in the
 * nearest free one beside it. A name stands right or left of its mark, above or below, or not at all.
 */
export function placeLabels(markers: Marker[], size: Size): Placed {
  const marks = placeMarks(markers, size)
  const markKeys = new Set(marks.map(keyOf))
  const nameKeys = new Set<string>()
  const placed: Placed = { marks, labels: [], unlabelled: [] }
  for (const mark of marks) {
    const { length } = mark.text
    const others = new Set(markKeys)
    others.delete(keyOf(mark))
    const label = labelPlaces(mark).find(
      (place) =>
        isInside(place, length, size) &&
        isFree(widened(place, length, NAME_MARGIN), nameKeys) &&
        isFree(widened(place, length, MARK_MARGIN), others),
    )
    if (label) placed.labels.push({ ...mark, ...label })
    else placed.unlabelled.push(mark.edge)
    for (const cell of label ? widened(label, length, 0) : []) nameKeys.add(keyOf(cell))
  }
  return placed
}

function placeMarks(markers: Marker[], size: Size): Marker[] {
  const taken = new Set<string>()
  return markers.map((marker) => {
    const places = around(marker).filter((place) => isInside(place, 1, size))
    const place = places.find((at) => isFree([at], taken)) ?? wholeOf(marker)
    taken.add(keyOf(place))
    return { ...marker, ...place }
  })
}

/** The characters at and around a place, by how near they are; a character is twice as high as wide. */
function around(marker: Marker): Place[] {
  const { row, column } = wholeOf(marker)
  const places = NEIGHBOURS.flatMap((down) =>
    NEIGHBOURS.map((across) => ({ row: row + down, column: column + across })),
  )
  const away = (place: Place) =>
    Math.hypot(place.column + 0.5 - marker.column, 2 * (place.row + 0.5 - marker.row))
  return places.sort((a, b) => away(a) - away(b))
}

function wholeOf({ row, column }: Place): Place {
  return { row: Math.floor(row), column: Math.floor(column) }
}

function labelPlaces({ row, column, text }: Marker): Place[] {
  const { length } = text
  const middle = column - Math.floor(length / 2)
  return [
    { row, column: column + 2 },
    { row, column: column - length - 1 },
    { row: row - 1, column: middle },
    { row: row + 1, column: middle },
    { row: row - 1, column },
    { row: row + 1, column },
    { row: row - 1, column: column - length + 1 },
    { row: row + 1, column: column - length + 1 },
  ]
}

function isInside({ row, column }: Place, length: number, { rows, columns }: Size): boolean {
  return row >= 0 && row < rows && column >= 0 && column + length <= columns
}

/** The characters of a text at a place, and so many more before and after it. */
function widened({ row, column }: Place, length: number, margin: number): Place[] {
  return Array.from({ length: length + 2 * margin }, (_, at) => ({
    row,
    column: column - margin + at,
  }))
}

function isFree(cells: Place[], taken: ReadonlySet<string>): boolean {
  return cells.every((cell) => !taken.has(keyOf(cell)))
}

function keyOf({ row, column }: Place): string {
  return `${row},${column}`
}
