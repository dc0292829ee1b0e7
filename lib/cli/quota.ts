import { createApi } from '../client/api.ts'
import type { QuotaAnswer } from '../client/wire-quota.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { say, sayJson, showBytes } from './output.ts'

/** jetty quota: what the account has and how much of it is used. */
export async function quotaCommand({ flags, args, settings, signal }: Context): Promise<number> {
  if (args.length > 0) throw usageError('quota takes no arguments.')
  const api = createApi({ ...settings(), signal })
  const quota = await api.call<QuotaAnswer>('GET', '/api/agentcache/quota')
  if (flags.json) sayJson(quota)
  else {
    const { tier, storage, bandwidth } = quota
    const reserved =
      storage.reservedBytes > 0 ? `, ${showBytes(storage.reservedBytes)} reserved` : ''
    say(`tier       ${tier}`)
    say(
      `storage    ${showBytes(storage.usedBytes)} of ${showBytes(storage.quotaBytes)} used${reserved}`,
    )
    say(
      `bandwidth  ${showBytes(bandwidth.usedBytes)} of ${showBytes(bandwidth.quotaBytes)} used this month`,
    )
  }
  return EXIT.ok
}
