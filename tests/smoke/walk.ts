import { randomUUID } from 'node:crypto'
import { callerOf, need } from './ask.ts'
import { createSteps, expectThat, type Step } from './steps.ts'
import { useStorage } from './storage.ts'
import { takeAway } from './take-away.ts'
import type { Target } from './target.ts'
import type { Walker } from './walker.ts'

const TIER = 'pro'

export type Walk = { url: string; userId: string; ok: boolean; steps: Step[] }

/**
 * What a new user of a deployment meets, in order: health, an account, the same account again, its quota, files up, the quota
 * changed, files down, another tier, files gone. The account is a throw-away one; where the storage side's secret is there, it
 * is deleted at the end. Stops at the first step that fails, and still takes away what it left.
 *
 * @throws the signal's reason when stopped, after taking away
 */
export async function walkThrough(
  target: Target,
  { signal, onStep = () => {} }: { signal: AbortSignal; onStep?: (step: Step) => void },
): Promise<Walk> {
  const steps = createSteps(onStep)
  const userId = `smoke-${randomUUID()}`
  const left = { isAsked: false, apiKey: null, fileIds: [] }
  const walker: Walker = { target, call: callerOf(target), steps, signal, userId, left }
  const walked = await allOf(walker).then(
    () => true,
    () => false,
  )
  const isGone = await takeAway(walker).then(
    () => true,
    () => false,
  )
  signal.throwIfAborted()
  return { url: target.url, userId, ok: walked && isGone, steps: steps.all }
}

async function allOf(walker: Walker): Promise<void> {
  await checkHealth(walker)
  const apiKey = await provision(walker)
  await useStorage(walker, apiKey)
}

async function checkHealth({ call, steps, signal }: Walker): Promise<void> {
  await steps.run('health', async () => {
    const { status, body } = await call('GET', '/api/health', { signal })
    if (status !== 503) await need(Promise.resolve({ status, body }), 'GET /api/health')
    const { status: health, version, services } = Object(body)
    const away = Object.entries<{ ok: boolean }>(services ?? {}).filter(([, { ok }]) => !ok)
    const names = away.map(([name]) => name).join(', ')
    expectThat(health === 'ok', `${health ?? `status ${status}`}: ${names} does not answer`)
    return [undefined, `version ${version}`]
  })
}

async function provision({ target, call, steps, signal, userId, left }: Walker): Promise<string> {
  const ask = async () => {
    left.isAsked = true
    const asking = call('POST', '/api/webhooks/jettythunder/provision', {
      secret: target.internalSecret,
      body: { user_id: userId, email: `${userId}@example.com`, tier: TIER },
      signal,
    })
    return await need(asking, 'provision')
  }
  const first = await steps.run('provision', async () => {
    const { credentials } = await ask()
    expectThat(/^jt_live_/.test(credentials.api_key), 'there is no API key in the answer')
    left.apiKey = credentials.api_key
    expectThat(credentials.s3_prefix === `users/${userId}`, `prefix ${credentials.s3_prefix}`)
    return [credentials, `user ${userId}`]
  })
  await steps.run('provision again', async () => {
    const { cached, credentials } = await ask()
    expectThat(cached === true, 'it is not said to be cached')
    const isSameKey = credentials.api_key === first.api_key
    const isSameSecret = credentials.api_secret === first.api_secret
    expectThat(isSameKey && isSameSecret, 'the credentials differ from those before')
    return [undefined, 'cached, the same credentials']
  })
  return first.api_key
}
