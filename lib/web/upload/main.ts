import { createApi } from '../../client/api.ts'
import { createHashPool } from '../../client/browser/hash-pool.ts'
import { messageOf, problemOf } from '../../client/failure.ts'
import type { LiveUpload } from '../../client/wire.ts'
import { byId, setText } from './dom.ts'
import { key } from './key.ts'
import { createSender } from './sending.ts'
import { showOpen } from './show-open.ts'
import { showSending } from './show-sending.ts'
import { type Watch, watchAccount } from './watch-account.ts'

/** The service is the one that the page came from: the API takes calls of no other page. */
const url = location.origin
const pool = createHashPool(new URL('./hash-worker.js', import.meta.url))
const sender = createSender({
  open: (signal) => createApi({ url, apiKey: key.read() ?? '', signal }),
  pool,
  onChange: () => {
    showSending(sender.sending)
    if (sender.sending.stored.length > storedBefore) watch?.look()
    storedBefore = sender.sending.stored.length
  },
})
let storedBefore = 0
let watch: Watch | undefined

/** Begins to work with the key of this tab, or asks for one. */
function begin(trouble = ''): void {
  const apiKey = key.read()
  watch?.stop()
  watch = undefined
  byId('key-card', HTMLElement).hidden = apiKey !== null
  byId('work', HTMLElement).hidden = apiKey === null
  byId('forget', HTMLElement).hidden = apiKey === null
  setText(byId('key-error', HTMLElement), trouble)
  if (apiKey === null) byId('key', HTMLInputElement).focus()
  else watch = watchAccount(createApi({ url, apiKey }), showUploads, refused)
}

function showUploads(uploads: LiveUpload[]): void {
  setText(byId('open-error', HTMLElement), '')
  const { state, uploadIds } = sender.sending
  showOpen(uploads, { here: state === 'sending' ? uploadIds : new Set(), discard })
}

function refused(error: unknown): void {
  if (problemOf(error)?.status !== 401) {
    setText(byId('open-error', HTMLElement), `${messageOf(error)}.`)
    return
  }
  key.forget()
  begin('The service does not accept this key.')
}

function discard({ uploadId, path }: LiveUpload): void {
  if (!confirm(`Discard what was sent of ${path}, on all devices?`)) return
  createApi({ url, apiKey: key.read() ?? '' })
    .call('DELETE', `/api/storage/upload?${new URLSearchParams({ uploadId })}`)
    .then(() => watch?.look(), refused)
}

function chosen(files: FileList | null | undefined): void {
  const folder = byId('folder', HTMLInputElement).value.trim()
  if (files && files.length > 0) sender.add([...files], folder)
}

byId('key-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault()
  const input = byId('key', HTMLInputElement)
  key.keep(input.value.trim())
  input.value = ''
  begin()
})
byId('forget', HTMLElement).addEventListener('click', () => {
  sender.cancel()
  key.forget()
  begin()
})
byId('choose', HTMLInputElement).addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return
  chosen(target.files)
  // The same file may be chosen again, to go on with it.
  target.value = ''
})
for (const name of ['pause', 'resume', 'cancel'] as const) {
  byId(name, HTMLElement).addEventListener('click', () => sender[name]())
}

const drop = byId('drop', HTMLElement)
// A file that misses the field must not replace the page.
for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault())
drop.addEventListener('dragover', () => drop.classList.add('over'))
drop.addEventListener('dragleave', () => drop.classList.remove('over'))
drop.addEventListener('drop', ({ dataTransfer }) => {
  drop.classList.remove('over')
  chosen(dataTransfer?.files)
})

for (const name of ['online', 'offline']) addEventListener(name, () => showSending(sender.sending))
setInterval(() => sender.sending.state === 'sending' && showSending(sender.sending), 1_000)

addEventListener('beforeunload', (event) => {
  if (sender.sending.state === 'sending') event.preventDefault()
})

begin()
