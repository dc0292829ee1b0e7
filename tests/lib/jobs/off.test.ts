import { expect, test } from 'vitest'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'
import { backgroundWork } from '../../local/wait-until.ts'

const proxies = await throughProxies()
process.env.JOBS_AFTER_REQUESTS = 'off'
const background = backgroundWork()
const { route } = await import('../../../lib/http/route.ts')

test('with JOBS_AFTER_REQUESTS off no request runs a job', async () => {
  await call(
    route(async () => Response.json({})),
    'GET',
    '/',
  )
  await background.settled()
  expect(proxies.sql.passed.length).toBe(0)
})
