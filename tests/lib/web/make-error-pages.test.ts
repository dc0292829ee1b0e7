import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PROBLEMS } from '../../../lib/problem.ts'

test('the type of every problem is an address that explains it', () => {
  execFileSync(process.execPath, ['lib/web/make-error-pages.mjs'])
  for (const [slug, { status }] of Object.entries(PROBLEMS)) {
    const page = readFileSync(`public/errors/${slug}/index.html`, 'utf8')
    expect(page).toContain(`<h1>${slug} (${status})</h1>`)
    expect(page).not.toMatch(/```|\*\*|<script/)
  }
})
