import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:https'
import { log } from '../log.ts'

/** A certificate chain and its key, both PEM, by path. */
export type CertificateFiles = { certFile: string; keyFile: string }

/** What Node's TLS server takes. HTTP/1.1 is all that is offered: parallel parts need parallel connections. */
export type Certificate = { cert: string; key: string; minVersion: 'TLSv1.2' }

/**
 * Reads a certificate and its key.
 *
 * @throws Error where a file cannot be read or the two do not belong together
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([
    readFile(files.certFile, 'utf8'),
    readFile(files.keyFile, 'utf8'),
  ])
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${files.keyFile} is not the key of ${files.certFile}`)
  }
  return { cert, key, minVersion: 'TLSv1.2' }
}

/**
 * Looks at the files every `everyMs` and serves new connections with what they hold now. Reading beats watching: renewal
 * tools replace files, links and whole folders. Half-written or mismatched files change nothing; the next look decides.
 * Gives a function that ends it.
 */
export function followCertificate(
  server: Server,
  files: CertificateFiles,
  settings: { current: Certificate; everyMs: number },
): () => void {
  let { current } = settings
  let toldOf = ''
  const look = async () => {
    const next = await readCertificate(files)
    toldOf = ''
    if (next.cert === current.cert && next.key === current.key) return
    server.setSecureContext(next)
    current = next
    log('info', 'certificate reloaded', { validTo: new X509Certificate(next.cert).validTo })
  }
  const warn = (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    if (reason !== toldOf) log('warn', 'certificate not reloaded', { reason })
    toldOf = reason
  }
  const timer = setInterval(() => void look().catch(warn), settings.everyMs).unref()
  return () => clearInterval(timer)
}
