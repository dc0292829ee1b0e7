import type { LiveUpload } from '../../client/wire.ts'
import { byId, make } from './dom.ts'
import { bytesInWords, secondsInWords } from './words.ts'

/** `here` are the uploads that this page sends to now. */
type Means = { here: Set<string>; discard: (upload: LiveUpload) => void }

/** Shows the account's open uploads, each with what its devices say and a button to discard it. */
export function showOpen(uploads: LiveUpload[], means: Means): void {
  byId('open-none', HTMLElement).hidden = uploads.length > 0
  const list = byId('open', HTMLElement)
  const focused = document.activeElement?.getAttribute('data-upload')
  list.replaceChildren(...uploads.map((upload) => rowOf(upload, means)))
  if (focused) list.querySelector<HTMLElement>(`[data-upload="${CSS.escape(focused)}"]`)?.focus()
}

function rowOf(upload: LiveUpload, { here, discard }: Means): HTMLLIElement {
  const name = upload.path
  const button = make(
    'button',
    { type: 'button', class: 'quiet', 'data-upload': upload.uploadId },
    'Discard',
  )
  button.setAttribute('aria-label', `Discard ${name}`)
  button.addEventListener('click', () => discard(upload))
  return make(
    'li',
    { 'data-upload-id': upload.uploadId },
    make('span', { class: 'name' }, name),
    make('small', {}, describe(upload, here.has(upload.uploadId))),
    button,
    make('progress', { max: 100, value: upload.percent, 'aria-label': `Progress of ${name}` }),
  )
}

/** `45 % of 1.0 GiB · 98.2 MiB/s · 6 s left · desktop + web`; without a rate where nobody sends. */
function describe(upload: LiveUpload, isHere: boolean): string {
  const { percent, fileSize, speed, secondsLeft, sessions } = upload
  const parts = [`${Math.floor(percent)} % of ${bytesInWords(fileSize)}`]
  if (speed > 0) {
    parts.push(`${bytesInWords(speed)}/s`)
    if (secondsLeft !== null) parts.push(`${secondsInWords(secondsLeft)} left`)
    parts.push(
      sessions
        .filter((session) => session.speed > 0)
        .map(({ uploadVia }) => uploadVia)
        .join(' + '),
    )
  } else parts.push(isHere ? 'sent from here' : 'nobody is sending')
  return parts.join(' · ')
}
