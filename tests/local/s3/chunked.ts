import { refuse } from './refuse.ts'

const LINE_BYTES_MAX = 16 * 1024
const NEWLINE = Buffer.from('\r\n')

/**
 * Undoes the `aws-chunked` encoding: `<length in hex>[;extensions]\r\n<bytes>\r\n` again and again, a length of 0, then
 * trailing headers and an empty line. Yields the bytes; the trailers are put into `trailers` before it ends.
 *
 * @throws IncompleteBody when the body ends early, InvalidRequest when it is framed otherwise
 */
export async function* decodeChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let left = 0
  let state: 'length' | 'bytes' | 'newline' | 'trailers' | 'end' = 'length'

  for await (const piece of source) {
    rest = rest.length > 0 ? Buffer.concat([rest, piece]) : piece
    while (rest.length > 0 && state !== 'end') {
      if (state === 'bytes') {
        const bytes = rest.subarray(0, left)
        rest = rest.subarray(bytes.length)
        left -= bytes.length
        if (left === 0) state = 'newline'
        yield bytes
        continue
      }
      const at = rest.indexOf(NEWLINE)
      if (at < 0 && rest.length > LINE_BYTES_MAX)
        throw refuse('InvalidRequest', 'The body is not aws-chunked.')
      if (at < 0) break
      const line = rest.subarray(0, at).toString('latin1')
      rest = rest.subarray(at + NEWLINE.length)

      if (state === 'newline') {
        if (line !== '') throw refuse('InvalidRequest', 'A chunk is longer than it says.')
        state = 'length'
      } else if (state === 'length') {
        left = chunkLength(line)
        state = left > 0 ? 'bytes' : 'trailers'
      } else if (line === '') {
        state = 'end'
      } else {
        const [name = '', value = ''] = line.split(/:(.*)/s)
        trailers.set(name.trim().toLowerCase(), value.trim())
      }
    }
  }
  // Some clients leave out the last empty line when there is no trailer.
  if (state !== 'end' && state !== 'trailers') throw refuse('IncompleteBody')
}

function chunkLength(line: string): number {
  const [hex = ''] = line.split(';')
  if (!/^[0-9a-f]{1,12}$/i.test(hex)) throw refuse('InvalidRequest', 'The body is not aws-chunked.')
  return Number.parseInt(hex, 16)
}
