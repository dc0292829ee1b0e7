import { expect, test, vi } from 'vitest'

/** The module as it is under another environment. */
async function under(settings: Record<string, string>) {
  vi.resetModules()
  process.env.JETTYTHUNDER_API_URL = 'self'
  delete process.env.VERCEL_AUTOMATION_BYPASS_SECRET
  Object.assign(process.env, settings)
  const { storageSideOf } = await import('../../../lib/http/storage-side.ts')
  return storageSideOf(new Request('https://preview-7.example/api/webhooks/x?y=1'))
}

test('self is the address that the request came to', async () => {
  expect(await under({})).toEqual({ origin: 'https://preview-7.example', headers: {} })
})

test('a protected preview lets its own calls pass', async () => {
  const { headers } = await under({ VERCEL_AUTOMATION_BYPASS_SECRET: 'let-me-in' })
  expect(headers).toEqual({ 'x-vercel-protection-bypass': 'let-me-in' })
})

test('the bypass secret goes to no other deployment', async () => {
  const settings = {
    JETTYTHUNDER_API_URL: 'https://storage.example/base',
    VERCEL_AUTOMATION_BYPASS_SECRET: 'let-me-in',
  }
  expect(await under(settings)).toEqual({ origin: 'https://storage.example', headers: {} })
})
