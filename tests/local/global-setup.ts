import { startStack } from './stack.ts'

/** One stack for all test files; workers find it in their environment. Functions are called in the workers themselves. */
export async function setup(): Promise<() => Promise<void>> {
  const stack = await startStack()
  Object.assign(process.env, stack.env, {
    JETTY_TEST_REDIS_URL: stack.redisUrl,
    JETTY_TEST_EDGES: JSON.stringify(stack.edges),
  })
  return stack.stop
}
