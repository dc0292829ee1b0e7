import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['**/node_modules/**', '.jetty/**', '.vercel/**'],
    globalSetup: ['tests/local/global-setup.ts'],
    setupFiles: ['tests/local/preload.ts'],
    pool: 'forks',
    // Tests wait for services more than they compute: three files at once keep two cores busy.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // Refusals and faults are logged on purpose; what a failed test logged is shown.
    silent: 'passed-only',
    // The first test of a file that needs the store loads its SDK and probes it: seconds, on a machine that is busy.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
})
