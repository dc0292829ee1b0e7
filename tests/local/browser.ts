import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { test } from 'vitest'
import { temporaryFolder } from './temporary.ts'

/** Debian's package, and what other systems and their build machines have. */
const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (file) => file !== undefined && existsSync(file),
)
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Registers tests that need a browser; where there is none they are left out by name. */
export function withBrowser(register: () => void): void {
  if (CHROMIUM) register()
  else test.todo('not run: chromium is not installed')
}

export type TestBrowser = {
  /** A page of a new tab. What it logs as an error is kept in `troubles`. */
  open: (url: string) => Promise<Page>
  troubles: string[]
  stop: () => Promise<void>
}

/** A real browser without a window, with a profile of its own. */
export async function startBrowser(): Promise<TestBrowser> {
  const profile = await temporaryFolder()
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    timeout: 60_000,
  })
  context.setDefaultTimeout(60_000)
  const troubles: string[] = []
  context.on('weberror', (error) => troubles.push(error.error().message))
  return {
    troubles,
    open: async (url) => {
      const page = await context.newPage()
      await page.goto(url)
      return page
    },
    stop: async () => {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}
