import { expect, test } from 'vitest'

/**
 * Registers a suite that needs a Debian package. Where the package is missing the suite is left out by name, or fails
 * when JETTY_CONTRACT=debian says that it has to run.
 */
export function withPackage(
  name: string,
  found: string | undefined,
  register: (found: string) => void,
): void {
  if (found) register(found)
  else if (process.env.JETTY_CONTRACT === 'debian')
    test(`${name} is installed`, () => expect(found).toBeDefined())
  else test.todo(`not run: ${name} is not installed`)
}
