import * as z from '../vendor/zod.js'

const PATH_BYTES_MAX = 1024
const encoder = new TextEncoder()

/**
 * The path of a file inside its account: 1 to 1,024 bytes of UTF-8, segments joined by `/`, none of them empty, `.` or
 * `..`, no control characters, no lone surrogates. Anything else is stored and listed exactly as given.
 */
export const FilePath = z.string().check(
  z.refine((path) => path.length > 0 && encoder.encode(path).length <= PATH_BYTES_MAX, {
    error: `a path has 1 to ${PATH_BYTES_MAX} bytes of UTF-8`,
  }),
  z.refine((path) => !/\p{Cc}|\p{Surrogate}/u.test(path), {
    error: 'a path has no control characters and only whole Unicode characters',
  }),
  z.refine((path) => path.split('/').every((segment) => !['', '.', '..'].includes(segment)), {
    error: 'a path has no empty segment, no "." and no ".."; it starts and ends with a name',
  }),
)

/** The last segment of a path. */
export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
