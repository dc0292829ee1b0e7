import type { UploadOptions } from './upload.ts'

/** Relays that get connections ahead: the nearest carries most, the next is its spare. */
const RELAYS = 2
const CONNECTIONS = [4, 1]

/**
 * Opens connections while the first file is being hashed: to the control plane, and to the relays that the last upload was
 * offered, which thereby open theirs to the store. Best effort: what does not work costs nothing.
 */
export async function warmUp({ api, ways, connector, directOnly }: UploadOptions): Promise<void> {
  void api.connect()
  if (directOnly || !ways || !connector) return
  const edges = await ways.known().catch(() => [])
  for (const [index, { url }] of edges.slice(0, RELAYS).entries()) {
    void connector.warm(url, CONNECTIONS[index] ?? 1)
  }
}
