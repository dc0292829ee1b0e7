import { type Account, type Scene, sendSigned, TIERS } from './accounts.ts'
import { ask, type Client } from './client.ts'
import type { Answer } from './http.ts'

export async function readQuota(client: Client): Promise<void> {
  await ask(client, 'GET', '/api/agentcache/quota')
}

/** Another tier, up or down; it counts with the very next call. */
export async function changeTier(client: Client): Promise<void> {
  const { scene, account, random } = client
  if (account.isFixed || account.busy.tier) return
  account.busy.tier = true
  const tier = random.pick(TIERS) ?? 'pro'
  const message = { agentcache_user_id: account.userId, tier }
  const { status } = await sendSigned(scene, 'upgrade', { message })
  if (status === 200) {
    account.tier = tier
    const { status: asked, body } = await ask(client, 'GET', '/api/agentcache/quota')
    if (asked === 200 && body.tier !== tier)
      scene.ledger.object(`the tier is ${body.tier} after a change to ${tier}`)
  }
  account.busy.tier = false
}

/** A new key; the one before lives on for a while, or not at all. */
export async function rotateKey(client: Client): Promise<void> {
  await rotate(client.scene, client.account, client.random.chance(0.5) ? 0 : 20)
}

/** Whoever was not told a new key asks for another. */
export async function rotate(
  { url, sender }: Scene,
  account: Account,
  overlapSeconds: number,
): Promise<void> {
  if (account.busy.key) return
  account.busy.key = true
  account.rotations.push(performance.now())
  const { status, body } = await sender.send({
    name: 'POST agentcache/keys',
    method: 'POST',
    url: `${url}/api/agentcache/keys`,
    headers: {
      authorization: `Bearer ${account.given.apiSecret}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ overlapSeconds }),
  })
  if (status === 200) account.key = { value: body.apiKey, since: performance.now(), isSure: true }
  else if (status === 0 || status >= 500) account.key.isSure = false
  else account.rotations.pop()
  account.busy.key = false
}

/** The same provisioning again, sometimes the very same message several times: always the same account. */
export async function provisionAgain({ scene, account, random }: Client): Promise<void> {
  const id = `msg_again_${random.below(1e9)}`
  const times = random.chance(0.3) ? 3 : 1
  const answers = await Promise.all(
    Array.from({ length: times }, () =>
      sendSigned(scene, 'provision', { message: account.wanted, id }),
    ),
  )
  for (const { status, body } of answers) {
    if (status === 0 || status >= 500) continue
    const known = [account.given.apiKey, null].includes(body?.account?.api_key)
    if (status !== 200 || body.account.id !== account.accountId || !known)
      scene.ledger.object(`provision: repeated, it was answered with ${status} and something else`)
  }
}

/** A scheduler's call. A difference that the sweep finds between usage and files is a defect. */
export async function runJob(
  { url, secrets, sender, ledger }: Scene,
  job: 'sweep' | 'probe' | 'deliver',
): Promise<Answer> {
  const answer = await sender.send({
    name: `GET cron/${job}`,
    method: 'GET',
    url: `${url}/api/cron/${job}`,
    headers: { authorization: `Bearer ${secrets.cron}` },
  })
  if (answer.body?.differences > 0)
    ledger.object(`the sweep found ${answer.body.differences} accounts whose usage was wrong`)
  return answer
}
