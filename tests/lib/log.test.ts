import { expect, test } from 'vitest'
import { describeError } from '../../lib/log.ts'

test('what a statement was given stays out of the log, and a long message is cut', () => {
  const cause = new Error(`Failed query: SELECT 1\nparams: secret`)
  const described = JSON.stringify(describeError(new Error('x'.repeat(5000), { cause })))
  expect(described).toContain('SELECT 1')
  expect(described).not.toContain('secret')
  expect(described).not.toContain('x'.repeat(501))
})
