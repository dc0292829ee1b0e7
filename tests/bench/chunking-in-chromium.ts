import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

const CHROMIUM = '/usr/bin/chromium'
const MIB = 256

type Measured = { cutMs: number; chunkMs: number }
type Row = { work: string; 'MB/s': number; 'MB per CPU second': string; ms: number }

/** The same in a page of headless Chromium; nothing where there is none at its usual place. */
export async function inChromium(): Promise<Row[]> {
  if (!existsSync(CHROMIUM)) return []
  const script = await scriptOf()
  const server = createServer().listen(0, '127.0.0.1')
  const measured = new Promise<Measured>((resolve) => {
    server.on('request', async (request, answer) => {
      if (request.method === 'POST') {
        resolve(JSON.parse(Buffer.concat(await request.toArray()).toString()))
      }
      answer.setHeader('content-type', 'text/html')
      answer.end(`<script type="module">${script}</script>`)
    })
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const profile = await mkdtemp(join(tmpdir(), 'jetty-bench-'))
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`]
  const browser = spawn(CHROMIUM, [...flags, `http://127.0.0.1:${port}/`], { stdio: 'ignore' })
  const { cutMs, chunkMs } = await measured
  browser.kill()
  await once(browser, 'exit')
  server.close()
  server.closeAllConnections()
  await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  return [row('ends of chunks, Chromium', cutMs), row('ends and ids, Chromium', chunkMs)]
}

function row(work: string, ms: number): Row {
  const rate = Math.round((MIB * 1024 * 1024) / 1000 / ms)
  return { work, 'MB/s': rate, 'MB per CPU second': '-', ms: Math.round(ms) }
}

async function scriptOf(): Promise<string> {
  const contents = `
    import { chunkFile } from './lib/content/chunk.ts'
    import { chunkSizesOf } from './lib/content/chunk-sizes.ts'
    import { createCutter } from './lib/content/cut.js'
    const slice = new Uint8Array(1024 * 1024)
    for (let at = 0; at < slice.length; at += 65536) crypto.getRandomValues(slice.subarray(at, at + 65536))
    const slices = Array(${MIB}).fill(slice)
    const fastest = async (act) => {
      let ms = Infinity
      for (let repeat = 0; repeat < 5; repeat++) {
        const begun = performance.now()
        await act()
        ms = Math.min(ms, performance.now() - begun)
      }
      return ms
    }
    const cutMs = await fastest(async () => {
      const cutter = createCutter(chunkSizesOf(16384))
      for (const one of slices) for (let end = cutter.next(one, 0); end > 0; end = cutter.next(one, end));
    })
    const chunkMs = await fastest(() => chunkFile(slices, { fileSize: ${MIB} * slice.length }))
    await fetch('/', { method: 'POST', body: JSON.stringify({ cutMs, chunkMs }) })`
  const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' as const }
  const { outputFiles } = await build({ stdin, bundle: true, write: false, format: 'esm' })
  return outputFiles[0]?.text ?? ''
}
