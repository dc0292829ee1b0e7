import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { filesWithOwnProcess } from './tests/local/own-process.ts'
import { SlowFirst } from './tests/local/slow-first.ts'

const own = filesWithOwnProcess(import.meta.dirname)
const exclude = ['**/node_modules/**', '.jetty/**', '.vercel/**']

export default defineConfig({
  test: {
    // Starting a process and loading the functions and their SDK costs more than most files' tests.
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          isolate: false,
          include: ['tests/**/*.test.ts'],
          exclude: [...exclude, ...own],
        },
      },
      { extends: true, test: { name: 'own', include: own, exclude } },
    ],
    globalSetup: ['tests/local/global-setup.ts'],
    setupFiles: ['tests/local/preload.ts'],
    pool: 'forks',
    // Buffers of parts come and go, and most of what is loaded never runs: a tenth less to compute.
    execArgv: ['--max-semi-space-size=64', '--max-lazy'],
    // Tests wait for services more than they compute: three files at once keep two cores busy.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    sequence: { sequencer: SlowFirst },
    // Refusals and faults are logged on purpose; what a failed test logged is shown.
    silent: 'passed-only',
    // The first test of a file that needs the store loads its SDK and probes it: seconds, on a machine that is busy.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
})
