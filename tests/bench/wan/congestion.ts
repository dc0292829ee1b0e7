import { readFileSync, writeFileSync } from 'node:fs'

/** What clients send with on Linux, macOS and Windows; this machine's own default may be another. */
export const CONGESTION = 'cubic'

const ALLOWED = '/proc/sys/net/ipv4/tcp_allowed_congestion_control'

/**
 * Lets namespaces choose it: they may have what the machine allows everybody. Gives what puts the machine's setting back.
 *
 * @throws Error where the kernel does not have it
 */
export function allowCongestionControl(): () => void {
  const before = readFileSync(ALLOWED, 'utf8').trim()
  if (before.split(' ').includes(CONGESTION)) return () => undefined
  try {
    writeFileSync(ALLOWED, `${before} ${CONGESTION}`)
  } catch (cause) {
    throw new Error(`The kernel does not let connections use ${CONGESTION}.`, { cause })
  }
  return () => writeFileSync(ALLOWED, before)
}
