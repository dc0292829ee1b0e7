import type { KnownFile } from './accounts.ts'
import { ask, type Client } from './client.ts'
import { aPath } from './uploads.ts'

const PATH = '/api/storage/files'
const GONE = ['not-found']

/** Lists what all clients of the account share, and remembers it for what comes. */
export async function list(client: Client): Promise<void> {
  const { account, random } = client
  const trashed = random.chance(0.4)
  const folded = random.chance(0.2)
  const answer = await ask(
    client,
    'GET',
    folded ? `${PATH}?delimiter=/` : `${PATH}?prefix=shared/&trashed=${trashed}`,
  )
  if (answer.status !== 200 || folded) return
  if (!trashed) account.files.clear()
  for (const file of answer.body.files) account.files.set(file.fileId, file)
}

/** Downloads a file and compares its bytes with what its content id promises. */
export async function download(client: Client): Promise<void> {
  const { scene, account, library } = client
  const file = aFile(client)
  if (!file) return
  const answer = await ask(client, 'GET', `/api/storage/download?fileId=${file.fileId}`, {
    headers: { accept: 'application/json' },
    allowed: ['not-found', 'bandwidth-exceeded'],
  })
  if (answer.status === 404) account.files.delete(file.fileId)
  if (answer.status !== 200) return
  const { url, fileHash, fileSize } = answer.body
  const { status, bytes } = await scene.sender.send({ name: 'store GET', method: 'GET', url })
  if (status === 200 && !library.isThe(bytes, fileHash, fileSize))
    scene.ledger.object(`${fileHash} of ${fileSize} bytes came as ${bytes.length} other bytes`)
}

export async function trash(client: Client): Promise<void> {
  const file = aFile(client)
  if (file)
    await ask(client, 'DELETE', `${PATH}?fileId=${file.fileId}`, {
      allowed: GONE,
    })
}

export async function remove(client: Client): Promise<void> {
  const { account } = client
  const file = aFile(client)
  if (!file) return
  await ask(client, 'DELETE', `${PATH}?fileId=${file.fileId}&permanent=true`, { allowed: GONE })
  account.files.delete(file.fileId)
}

export async function restore(client: Client): Promise<void> {
  const { random } = client
  const file = aFile(client)
  if (!file) return
  const path = random.chance(0.5) ? { path: aPath(client) } : {}
  const body = { fileId: file.fileId, trashed: false, ...path }
  await ask(client, 'PATCH', PATH, { body, allowed: ['not-found', 'path-taken'] })
}

export async function rename(client: Client): Promise<void> {
  const file = aFile(client)
  if (!file) return
  const body = { fileId: file.fileId, path: aPath(client) }
  await ask(client, 'PATCH', PATH, { body, allowed: ['not-found', 'path-taken'] })
}

/** Everything at once to the same file: it ends once, or lives. */
export async function pileOn(client: Client): Promise<void> {
  const file = aFile(client)
  if (!file) return
  const { fileId } = file
  const body = { fileId, trashed: false, path: aPath(client) }
  const moves = { allowed: ['not-found', 'path-taken'] }
  await Promise.all([
    ask(client, 'DELETE', `${PATH}?fileId=${fileId}&permanent=true`, { allowed: GONE }),
    ask(client, 'DELETE', `${PATH}?fileId=${fileId}&permanent=true`, { allowed: GONE }),
    ask(client, 'DELETE', `${PATH}?fileId=${fileId}`, { allowed: GONE }),
    ask(client, 'PATCH', PATH, { body, ...moves }),
  ])
  client.account.files.delete(fileId)
}

function aFile({ account, random }: Client): KnownFile | undefined {
  return random.pick([...account.files.values()])
}
