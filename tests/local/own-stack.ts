import { afterAll } from 'vitest'
import { neonConfig } from '../../lib/vendor/orm.js'
import { type Stack, type StackOptions, startStack } from './stack.ts'

/**
 * A stack of this test file's own, for tests that change what all others see: edges, time, everything in Redis. Call it
 * before anything of lib/ that reads the environment is imported.
 */
export async function ownStack(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack(options)
  afterAll(stack.stop)
  Object.assign(process.env, stack.env, { JOBS_AFTER_REQUESTS: 'off' })
  neonConfig.fetchEndpoint = stack.neonUrl
  return stack
}
