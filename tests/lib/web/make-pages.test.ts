import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const CONNECT =
  "connect-src 'self' https: http://127.0.0.1:* http://localhost:* http://*.localhost:*"

test('the upload page loads its own files alone, all of which are there, and nothing inline that its policy forbids', () => {
  execFileSync(process.execPath, ['lib/web/make-pages.mjs'])
  const page = readFileSync('public/upload/index.html', 'utf8')
  const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '')
  const own = files.filter((file) => !file.startsWith('data:'))
  expect(own.length).toBeGreaterThanOrEqual(3)
  for (const file of own) expect(existsSync(`public${file}`), file).toBe(true)
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle="|\bon[a-z]+="/)
  expect(existsSync('public/upload/hash-worker.js')).toBe(true)
})

test('its policy runs no foreign script and lets parts go to relays and stores', () => {
  const { headers } = JSON.parse(readFileSync('vercel.json', 'utf8'))
  const rule = headers.find(({ source }: { source: string }) => source === '/upload(.*)')
  const policy = rule.headers.find(({ key }: { key: string }) => key === 'Content-Security-Policy')
  expect(policy.value).toContain("default-src 'none'; script-src 'self'; worker-src 'self'")
  expect(policy.value).toContain(CONNECT)
  expect(policy.value).not.toContain('unsafe')
})
