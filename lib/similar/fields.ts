import { FILE_BYTES_MAX } from '../content/layout.ts'
import * as z from '../vendor/zod.js'

/** 512 bytes in base64 (RFC 4648, section 4): 683 characters, the last of which carries four bits, and one `=`. */
const BINS_BASE64 = /^[A-Za-z0-9+/]{682}[AEIMQUYcgkosw048]=$/

/** A sketch as clients send it (lib/content/sketch.ts); its average follows from the size of the file. */
export const SketchField = z.object({
  distinctBytes: z.int().check(z.nonnegative(), z.maximum(FILE_BYTES_MAX)),
  bins: z.pipe(
    z.string().check(z.regex(BINS_BASE64, { error: 'expected 512 bytes in base64' })),
    z.transform((text: string) => new Uint8Array(Buffer.from(text, 'base64'))),
  ),
})

/** From which share in common on files count as alike. Below a half hardly any are found. */
export const SHARE_MIN = 0.5
export const DEFAULT_SHARE = 0.95
