import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A deployment, and what opens it. Without `storageSecret` accounts that were made stay. */
export type Target = {
  url: string
  internalSecret: string
  storageSecret: string | null
  bypass: string | null
}

/** What was asked for on the command line. `home` is where `npm run dev` keeps its data. */
export type Asked = { url: string | undefined; bypass: string | undefined; home: string }

/**
 * The deployment at `url` with the secrets of the environment, or, without a `url`, what `npm run dev` runs here with the
 * secrets that it made for itself; those of the environment never go there.
 *
 * @throws RangeError of one sentence that says what is missing
 */
export async function targetOf({ url, bypass, home }: Asked): Promise<Target> {
  if (url === undefined) return await devTarget(home)
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new RangeError(`--url ${url} is not an address; give the deployment's, with https://.`)
  const env = process.env
  if (!env.INTERNAL_WEBHOOK_SECRET) {
    throw new RangeError(
      'Set INTERNAL_WEBHOOK_SECRET to the deployment’s; there is no flag for it, as those are seen by others.',
    )
  }
  return {
    url: new URL(url).origin,
    internalSecret: newest(env.INTERNAL_WEBHOOK_SECRET),
    storageSecret: env.AGENTCACHE_WEBHOOK_SECRET ? newest(env.AGENTCACHE_WEBHOOK_SECRET) : null,
    bypass: bypass ?? env.VERCEL_AUTOMATION_BYPASS_SECRET ?? null,
  }
}

async function devTarget(home: string): Promise<Target> {
  const settings = join(home, 'dev.env')
  const secrets = join(home, 'data/secrets.json')
  if (!existsSync(settings) || !existsSync(secrets)) {
    throw new RangeError(
      'Nothing runs here: start `npm run dev` in another terminal, or give --url.',
    )
  }
  const [, url = ''] = /^JETTY_URL=(.*)$/m.exec(await readFile(settings, 'utf8')) ?? []
  const kept = JSON.parse(await readFile(secrets, 'utf8'))
  const { INTERNAL_WEBHOOK_SECRET: internalSecret, AGENTCACHE_WEBHOOK_SECRET: storageSecret } = kept
  await fetch(`${url}/api/health`).catch((cause) => {
    const message = '`npm run dev` does not run any more; start it again, or give --url.'
    throw new RangeError(message, { cause })
  })
  return { url, internalSecret, storageSecret, bypass: null }
}

function newest(list: string): string {
  return list.split(',')[0] ?? list
}
