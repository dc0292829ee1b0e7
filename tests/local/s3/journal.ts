import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'

/** An append-only file of JSON lines: what it holds after a crash is every entry that `append` returned for. */
export type Journal<Entry> = { append(entry: Entry): void; close(): void }

/**
 * The entries of a journal, oldest first; none when there is no file. A last line cut short by a crash is dropped.
 *
 * @throws Error in plain words when another line cannot be read
 */
export function readJournal<Entry>(path: string): Entry[] {
  if (!existsSync(path)) return []
  // After the last newline stands nothing, or what a dying process could not finish.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line, index) => {
    try {
      return JSON.parse(line)
    } catch (cause) {
      throw new Error(
        `The S3 server's data is damaged (${path}, line ${index + 1}). Remove that folder to start empty.`,
        { cause },
      )
    }
  })
}

/** Replaces the journal by these entries in one step (rename), then keeps it open for more. */
export function startJournal<Entry>(path: string, entries: Iterable<Entry>): Journal<Entry> {
  const fresh = `${path}.new`
  writeFileSync(fresh, Array.from(entries, line).join(''))
  renameSync(fresh, path)
  return openForAppending(path)
}

function openForAppending<Entry>(path: string): Journal<Entry> {
  const file = openSync(path, 'a')
  let size = readFileSync(path).length

  return {
    append(entry) {
      const bytes = Buffer.from(line(entry))
      try {
        for (let written = 0; written < bytes.length; ) {
          written += writeSync(file, bytes, written)
        }
      } catch (error) {
        // A full disk may have taken half a line: the next entry must not be glued to it.
        ftruncateSync(file, size)
        throw error
      }
      size += bytes.length
    },
    close: () => closeSync(file),
  }
}

function line(entry: unknown): string {
  return `${JSON.stringify(entry)}\n`
}
