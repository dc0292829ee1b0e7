import type { EdgeStatus } from '../client/wire-edges.ts'
import type { Context } from './command.ts'
import { readCatalogue } from './edges-catalogue.ts'
import { mapLines, styleOfState } from './edges-map.ts'
import {
  type Column,
  showAge,
  showKnown,
  showMbps,
  showMs,
  showShare,
  tableLines,
} from './edges-table.ts'
import { thisTerminal } from './edges-terminal.ts'
import { EXIT, usageError } from './exit.ts'
import { say, sayJson, showText } from './output.ts'
import { readServiceUrl } from './settings.ts'

/** jetty edges status: the whole catalogue; needs no key. One call. */
export async function statusCommand(context: Context, args: string[]): Promise<number> {
  const { flags, signal } = context
  if (args.length > 0) throw usageError('edges status takes no arguments.')
  const { edges, serverTime } = await readCatalogue(readServiceUrl(flags.url), signal)
  if (flags.json) {
    for (const edge of edges) sayJson(edge)
    return EXIT.ok
  }
  const terminal = thisTerminal()
  if (flags.map) for (const line of [...mapLines(edges, terminal), '']) say(line)
  const columns = columnsAt(Date.parse(serverTime))
  for (const line of tableLines(columns, edges, terminal)) say(line)
  return EXIT.ok
}

function columnsAt(now: number): Column<EdgeStatus>[] {
  return [
    { title: 'edge', text: ({ id }) => showText(id) },
    { title: 'city', shrinks: true, text: ({ city }) => showText(city) },
    { title: 'country', text: ({ country }) => showText(country) },
    {
      title: 'state',
      text: ({ state }) => showText(state),
      style: ({ state }) => styleOfState(state),
    },
    { title: 'latency', align: 'right', text: ({ latencyMs }) => showKnown(latencyMs, showMs) },
    {
      title: 'Mbit/s',
      align: 'right',
      text: ({ throughputMbps }) => showKnown(throughputMbps, showMbps),
    },
    { title: 'errors', align: 'right', text: ({ errorRate }) => showKnown(errorRate, showShare) },
    {
      title: 'load',
      align: 'right',
      text: ({ loadPercent }) => showKnown(loadPercent, (percent) => `${Math.round(percent)}%`),
    },
    { title: 'version', text: ({ version }) => showText(version ?? '-') },
    { title: 'last seen', text: ({ lastSeenAt }) => sinceOf(lastSeenAt, now) },
  ]
}

function sinceOf(time: string | null, now: number): string {
  if (time === null) return '-'
  const age = showAge(Math.max(0, now - Date.parse(time)) / 1000)
  return age === 'now' ? age : `${age} ago`
}
