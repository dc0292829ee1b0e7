import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { REFUSALS } from '../../../lib/edge-node/refuse.ts'

test.each(Object.entries(REFUSALS))(
  '%s has a page that names its status and title',
  (slug, refusal) => {
    const page = readFileSync(`docs/errors/${slug}.md`, 'utf8')
    expect(page).toContain(`# ${slug} (${refusal.status})\n\n${refusal.title}.`)
    expect(page).toContain('**What to do.**')
  },
)
