import type { Progress } from '../../client/progress.ts'
import { byId, make, setText } from './dom.ts'
import type { Item, Sending } from './sending.ts'
import { bytesInWords, percentInWords, secondsInWords, sentInWords } from './words.ts'

/** More rows than anybody reads would only slow the page. */
const ROWS_MAX = 100
/** Progress that is older says nothing of the rate: the engine takes it over 5 s. */
const STILL_AFTER_MS = 6_000

type Motion = 'moving' | 'still' | 'held'

const SAID: Record<Sending['state'], string> = {
  idle: '',
  sending: '',
  paused: 'Paused. What was sent stays; files that are chosen now wait.',
  stopped: 'Cancelled. What was sent is kept for 7 days: choose the same file to go on.',
  broken: '',
}

/** Shows what is being sent: state, bar, figures, paths, files. */
export function showSending(sending: Sending): void {
  const { state, waiting, stored, progress, trouble } = sending
  byId('sending', HTMLElement).hidden = state === 'idle' && waiting.length === 0
  setText(byId('sending-state', HTMLElement), trouble ? `Stopped: ${trouble}.` : saidOf(state))
  byId('pause', HTMLButtonElement).hidden = state !== 'sending'
  byId('resume', HTMLButtonElement).hidden = state !== 'paused' && state !== 'broken'
  byId('cancel', HTMLButtonElement).hidden = state === 'idle' || state === 'stopped'
  if (progress) showProgress(progress, motionOf(sending))
  showItems('items', waiting, waitingRow)
  showItems('done', stored, storedRow)
  byId('done-none', HTMLElement).hidden = stored.length > 0
}

function saidOf(state: Sending['state']): string {
  if (state === 'sending' && !navigator.onLine) return 'No network. It goes on by itself.'
  return SAID[state]
}

function motionOf({ state, progressAt = 0 }: Sending): Motion {
  if (state !== 'sending') return 'held'
  const isOld = performance.now() - progressAt > STILL_AFTER_MS
  return isOld || !navigator.onLine ? 'still' : 'moving'
}

function showProgress(progress: Progress, motion: Motion): void {
  const bar = byId('bar', HTMLProgressElement)
  bar.max = Math.max(1, progress.bytesTotal)
  bar.value = progress.bytesDone
  setText(byId('figures', HTMLElement), figuresOf(progress, motion))

  const sent = Object.values(progress.perPath).reduce((sum, bytes) => sum + bytes, 0)
  const rows = Object.entries(progress.perPath).map(([path, bytes]) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, path),
      make('td', {}, bytesInWords(bytes)),
      make('td', {}, percentInWords(bytes, sent)),
    ),
  )
  byId('paths', HTMLElement).hidden = rows.length === 0
  byId('path-rows', HTMLElement).replaceChildren(...rows)
}

/** `45 % · 450.0 MiB of 1.0 GiB · 98.2 MiB/s · 6 s left · 3 of 12 files`; hashing and an outage have no rate. */
function figuresOf(progress: Progress, motion: Motion): string {
  const { bytesDone, bytesTotal, bytesHashed, filesDone, filesTotal } = progress
  const files = filesTotal > 1 ? [`${filesDone} of ${filesTotal} files`] : []
  if (bytesDone === 0 && bytesHashed > 0) {
    const hashed = `Reading: ${bytesInWords(bytesHashed)} of ${bytesInWords(bytesTotal)}`
    return [hashed, ...files].join(' · ')
  }
  const figures = [
    percentInWords(bytesDone, bytesTotal),
    `${bytesInWords(bytesDone)} of ${bytesInWords(bytesTotal)}`,
  ]
  const speed = bytesDone < bytesTotal ? speedOf(progress, motion) : []
  return [...figures, ...speed, ...files].join(' · ')
}

function speedOf({ rate, secondsLeft }: Progress, motion: Motion): string[] {
  if (motion === 'held') return []
  if (motion === 'still' || rate === 0) return ['waiting for the network']
  const left = secondsLeft === null ? [] : [`${secondsInWords(secondsLeft)} left`]
  return [`${bytesInWords(rate)}/s`, ...left]
}

const shown = new Map<string, string>()

/** Rows are made anew only when they say something else. */
function showItems(id: string, items: Item[], rowOf: (item: Item) => string[]): void {
  const rows = items.slice(0, ROWS_MAX).map(rowOf)
  if (items.length > ROWS_MAX) rows.push([`and ${items.length - ROWS_MAX} more`])
  const text = JSON.stringify(rows)
  if (shown.get(id) === text) return
  shown.set(id, text)
  byId(id, HTMLElement).replaceChildren(
    ...rows.map(([name = '', ...details]) =>
      make(
        'li',
        {},
        make('span', { class: 'name' }, name),
        ...details.map((detail) => make('small', {}, detail)),
      ),
    ),
  )
}

function waitingRow({ file, trouble }: Item): string[] {
  return [file.path, bytesInWords(file.source.size), ...(trouble ? [trouble] : [])]
}

function storedRow({ file, result }: Item): string[] {
  const size = bytesInWords(file.source.size)
  if (!result || result.duplicate) return [file.path, size, 'was stored already']
  return [file.path, size, sentInWords(result)]
}
