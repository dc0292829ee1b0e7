import { DIRECT } from '../client/routes.ts'
import type { OptimalEdgesAnswer, RankedEdge, UploadStrategy } from '../client/wire-edges.ts'
import {
  type Column,
  showAge,
  showKnown,
  showMbps,
  showMs,
  showShare,
  tableLines,
} from './edges-table.ts'
import type { Terminal } from './edges-terminal.ts'
import { showBytes, showSeconds, showText } from './output.ts'

const BAR_COLUMNS = 5
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/**
 * An answer, the round trips measured here (null: no answer), the relays that it leaves out because nothing answered here,
 * and the bytes it was asked for.
 */
export type Ranking = {
  answer: OptimalEdgesAnswer
  measured: ReadonlyMap<string, number | null>
  unreached: RankedEdge[]
  fileSize: number
}

type Row = {
  /** Null: it has none. */
  rank: number | null
  edge: RankedEdge
  /** In ms; null: no answer; undefined: not measured. */
  here: number | null | undefined
  /** Of the greatest weight. */
  share: number
}

/** The ranked paths as a table at most 100 columns wide, and how a file of this size would go. */
export function rankingLines(ranking: Ranking, terminal: Terminal): string[] {
  const { answer, measured, unreached, fileSize } = ranking
  const most = Math.max(...answer.edges.map(({ weight }) => weight))
  const ranked = answer.edges.map((edge, at) => ({
    rank: at + 1,
    edge,
    here: measured.get(edge.id),
    share: most > 0 ? edge.weight / most : 0,
  }))
  const unranked = unreached.map((edge) => ({ rank: null, edge, here: null, share: 0 }))
  return [
    ...tableLines(columnsFor(terminal.isUtf8), [...ranked, ...unranked], terminal),
    '',
    describe(fileSize, answer.strategy),
  ]
}

function columnsFor(isUtf8: boolean): Column<Row>[] {
  const ofEdge = (text: (edge: RankedEdge) => string) => (row: Row) => text(row.edge)
  return [
    { title: '#', align: 'right', text: ({ rank }) => showKnown(rank, String) },
    { title: 'edge', text: ofEdge(({ id }) => showText(id)), style: styleOfName },
    { title: 'city', shrinks: true, text: ofEdge(cityOf) },
    {
      title: 'km',
      align: 'right',
      text: ofEdge(({ distance }) => showKnown(distance, (km) => String(Math.round(km)))),
    },
    { title: 'from here', align: 'right', text: showHere, style: styleOfHere },
    { title: 'load', align: 'right', text: ofEdge(loadOf) },
    { title: 'Mbit/s', align: 'right', text: ofEdge(({ throughput }) => showMbps(throughput)) },
    { title: 'errors', align: 'right', text: ofEdge(({ errorRate }) => showShare(errorRate)) },
    { title: 'score', align: 'right', text: scoreOf },
    { title: 'weight', text: (row) => weightOf(row, isUtf8), style: () => 'cyan' },
    { title: 'known', text: ofEdge(knownOf), style: styleOfKnown },
  ]
}

function cityOf({ id, city }: RankedEdge): string {
  return city === null && id === DIRECT ? 'the store' : showText(city ?? '-')
}

function showHere({ here }: Row): string {
  return here === null ? 'no answer' : showKnown(here ?? null, showMs)
}

function loadOf({ load }: RankedEdge): string {
  return showKnown(load, (percent) => `${Math.round(percent)}%`)
}

function scoreOf({ rank, edge }: Row): string {
  return rank === null ? '-' : edge.score.toFixed(2)
}

function weightOf({ rank, edge, share }: Row, isUtf8: boolean): string {
  if (rank === null) return '   -'
  const percent = `${Math.round(edge.weight * 100)}%`.padStart(4)
  return `${percent} ${barOf(share, isUtf8)}`
}

function barOf(share: number, isUtf8: boolean): string {
  if (!isUtf8) return '#'.repeat(Math.round(share * BAR_COLUMNS))
  const eighths = Math.round(share * BAR_COLUMNS * EIGHTHS.length)
  return '█'.repeat(Math.floor(eighths / EIGHTHS.length)) + EIGHTHS[eighths % EIGHTHS.length]
}

function knownOf({ source, age }: RankedEdge): string {
  return source === 'measured' ? `measured ${showKnown(age, showAge)}` : 'estimated'
}

function styleOfName({ rank }: Row) {
  return rank === 1 ? 'bold' : undefined
}

function styleOfHere({ here }: Row) {
  return here === null ? 'red' : undefined
}

function styleOfKnown({ edge }: Row) {
  return edge.source === 'estimated' ? 'dim' : undefined
}

function describe(fileSize: number, strategy: UploadStrategy): string {
  const { chunkSize, chunks, threads, estimatedTime, assumptions } = strategy
  const parts = chunks > 1 ? `${chunks} parts of ${showBytes(chunkSize)}` : 'one part'
  const connections = threads === 1 ? 'one connection' : `${threads} connections`
  return (
    `${showBytes(fileSize)}: ${parts} over ${connections}, about ${showSeconds(estimatedTime)} ` +
    `at ${showMbps(assumptions.throughput)} Mbit/s (${showText(assumptions.source)})`
  )
}
