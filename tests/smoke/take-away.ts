import { type Caller, need } from './ask.ts'
import { expectThat } from './steps.ts'
import type { Walker } from './walker.ts'

/**
 * Ends what a walk left, also one that failed or was stopped: files, open uploads and, where the storage side's secret is
 * there, the account.
 *
 * @throws Error where the account could not be deleted
 */
export async function takeAway({ target, call, steps, userId, left }: Walker): Promise<void> {
  if (!left.isAsked) return
  const { apiKey } = left
  if (apiKey !== null) await empty(call, apiKey, left.fileIds).catch(() => {})
  const { storageSecret: secret } = target
  if (secret === null) {
    const why = `set AGENTCACHE_WEBHOOK_SECRET to have it deleted; ${userId} stays, empty`
    return steps.leaveOut('delete the account', why)
  }
  await steps.run('delete the account', async () => {
    const body = { agentcache_user_id: userId, status: 'deleted' }
    const answer = await call('POST', '/api/agentcache/upgrade', { secret, body })
    if (answer.status === 404) return [undefined, 'there is none']
    await need(Promise.resolve(answer), 'upgrade')
    if (apiKey === null) return [undefined, '']
    const { status, body: refused } = await call('GET', '/api/agentcache/quota', { as: apiKey })
    const isRefused = status === 403 && String(refused.type).endsWith('/account-deleted')
    expectThat(isRefused, `its key is still answered ${status}`)
    return [undefined, 'its key opens nothing any more']
  })
}

/** Deletes a file for good. */
export async function endFile(call: Caller, as: string, fileId: string): Promise<void> {
  const path = `/api/storage/files?fileId=${fileId}&permanent=true`
  await need(call('DELETE', path, { as }), 'delete')
}

async function empty(call: Caller, as: string, fileIds: string[]): Promise<void> {
  for (const fileId of fileIds) await endFile(call, as, fileId).catch(() => {})
  const { uploads } = await need(call('GET', '/api/storage/upload', { as }), 'open uploads')
  for (const { uploadId } of uploads)
    await call('DELETE', `/api/storage/upload?uploadId=${uploadId}`, { as })
}
