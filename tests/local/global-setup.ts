import { startStack } from './stack.ts'

/** One stack for all test files; workers find it in their environment. Functions are called in the workers themselves. */
export async function setup(): Promise<() => Promise<void>> {
  const stack = await startStack()
  Object.assign(process.env, stack.env, {
    // A test runs the jobs when it means to, and counts the round trips of nothing else.
    JOBS_AFTER_REQUESTS: 'off',
    // Several files at once on few cores: an answer that is a second late is not what they test.
    REDIS_TIMEOUT_MS: '5000',
    JETTY_TEST_REDIS_URL: stack.redisUrl,
    JETTY_TEST_EDGES: JSON.stringify(stack.edges),
  })
  return stack.stop
}
