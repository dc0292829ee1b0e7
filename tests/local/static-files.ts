import { createReadStream, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/vnd.microsoft.icon',
  '.js': 'application/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.mjs': 'application/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.xml': 'application/xml; charset=utf-8',
}

/** The file that a path names below a folder, `index.html` for a folder; null when there is none. */
export function staticFile(folder: string, pathname: string): string | null {
  const name = safeDecode(pathname)
  if (name === null) return null
  const file = join(folder, name)
  if (file !== folder && !file.startsWith(folder + sep)) return null
  return [file, join(file, 'index.html')].find(isFile) ?? null
}

/** Sends a file as the platform's static hosting does: GET and HEAD only. */
export function sendStatic(outgoing: ServerResponse, method: string, file: string): void {
  if (method !== 'GET' && method !== 'HEAD') {
    outgoing.writeHead(405).end()
    return
  }
  outgoing.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-length': statSync(file).size,
    'cache-control': 'public, max-age=0, must-revalidate',
  })
  if (method === 'HEAD') outgoing.end()
  else createReadStream(file).pipe(outgoing)
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false
}

function safeDecode(pathname: string): string | null {
  try {
    const name = decodeURIComponent(pathname)
    return name.includes('\0') ? null : name
  } catch {
    return null
  }
}
