import type { EdgeState, EdgeStatus } from '../client/wire-edges.ts'
import { placeLabels } from './edges-labels.ts'
import { DOTS_ACROSS, DOTS_DOWN, type Land, landOf, placeOf } from './edges-land.ts'
import type { Style, Terminal } from './edges-terminal.ts'
import { showText } from './output.ts'

const COLUMNS_MIN = 60
const COLUMNS_MAX = 96
/** U+2800 and the bits of its dots, row by row (Unicode, Braille Patterns). */
const BRAILLE = 0x2800
const DOT_BITS = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]

/** How a state is drawn; those that matter more come first and stand above others. */
const MARKS: Record<EdgeState, { utf8: string; ascii: string; style: Style }> = {
  up: { utf8: '●', ascii: '@', style: 'green' },
  draining: { utf8: '◐', ascii: '%', style: 'yellow' },
  down: { utf8: '✕', ascii: 'X', style: 'red' },
  planned: { utf8: '○', ascii: 'o', style: 'dim' },
}
const STATES = ['up', 'draining', 'down', 'planned'] as const

type Cell = { text: string; style: Style | undefined }

/** The edges on a map of the world, with the names that fit and a legend; each line at most 96 columns wide. */
export function mapLines(edges: EdgeStatus[], terminal: Terminal): string[] {
  const columns = Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, terminal.columns))
  const land = landOf(columns)
  const cells = landCells(land, terminal.isUtf8)
  const { marks, labels, unlabelled } = placeLabels(markersOf(edges, columns), land)

  for (const { row, column, edge } of marks) {
    put(cells, { row, column, ...markOf(edge.state, terminal.isUtf8) })
  }
  for (const { row, column, text, edge } of labels) {
    // The blanks keep the coast off the name.
    for (const [at, letter] of [...` ${text} `].entries()) {
      put(cells, { row, column: column - 1 + at, text: letter, style: labelStyle(edge) })
    }
  }
  return [
    ...cells.map((row) => paintRow(row, terminal)),
    ...legendLines(edges, unlabelled, terminal),
  ]
}

/** The colour of a state; none for one that this version does not know. */
export function styleOfState(state: EdgeState): Style | undefined {
  return Object.hasOwn(MARKS, state) ? MARKS[state].style : undefined
}

function markersOf(edges: EdgeStatus[], columns: number) {
  const inOrder = STATES.flatMap((state) => edges.filter((edge) => edge.state === state))
  return inOrder.map((edge) => ({ edge, text: showText(edge.id), ...placeOf(columns, edge) }))
}

function landCells(land: Land, isUtf8: boolean): Cell[][] {
  const draw = isUtf8 ? coastCell : landCell
  return Array.from({ length: land.rows }, (_, row) =>
    Array.from({ length: land.columns }, (_, column) => ({
      text: draw(land, column * DOTS_ACROSS, row * DOTS_DOWN),
      style: 'dim' as const,
    })),
  )
}

/** The coast in Braille. */
function coastCell(land: Land, left: number, top: number): string {
  const bits = DOT_BITS.filter((_, at) =>
    isCoast(land, left + (at % DOTS_ACROSS), top + Math.floor(at / DOTS_ACROSS)),
  )
  const pattern = bits.reduce((all, bit) => all | bit, 0)
  return pattern === 0 ? ' ' : String.fromCharCode(BRAILLE + pattern)
}

function isCoast({ isLand }: Land, x: number, y: number): boolean {
  if (!isLand(x, y)) return false
  return !(isLand(x - 1, y) && isLand(x + 1, y) && isLand(x, y - 1) && isLand(x, y + 1))
}

/** Where there is no Braille: a full stop where most is land. */
function landCell({ isLand }: Land, left: number, top: number): string {
  const dots = DOT_BITS.filter((_, at) =>
    isLand(left + (at % DOTS_ACROSS), top + Math.floor(at / DOTS_ACROSS)),
  )
  return dots.length * 2 >= DOT_BITS.length ? '.' : ' '
}

function put(cells: Cell[][], what: Cell & { row: number; column: number }): void {
  const cell = cells[what.row]?.[what.column]
  if (cell) Object.assign(cell, { text: what.text, style: what.style })
}

function markOf(state: EdgeState, isUtf8: boolean): Cell {
  const { utf8, ascii, style } = MARKS[state]
  return { text: isUtf8 ? utf8 : ascii, style }
}

function labelStyle({ state }: EdgeStatus): Style | undefined {
  return state === 'planned' ? 'dim' : undefined
}

/** Cells of one style are painted together. */
function paintRow(row: Cell[], { paint }: Terminal): string {
  const runs: Cell[] = []
  const end = row.findLastIndex(({ text }) => text !== ' ') + 1
  for (const { text, style } of row.slice(0, end)) {
    const last = runs.at(-1)
    if (last && last.style === style) last.text += text
    else runs.push({ text, style })
  }
  return runs.map(({ text, style }) => paint(style, text)).join('')
}

function legendLines(edges: EdgeStatus[], unlabelled: EdgeStatus[], terminal: Terminal): string[] {
  const counts = STATES.map((state) => {
    const { text, style } = markOf(state, terminal.isUtf8)
    const count = edges.filter((edge) => edge.state === state).length
    return `${terminal.paint(style, text)} ${state} ${count}`
  })
  const names = unlabelled.map(({ id }) => showText(id)).join(' ')
  return [counts.join('   '), ...(names ? [`no room for: ${names}`] : [])]
}
