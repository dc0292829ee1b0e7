/** Ranges of a file, each its first byte and length: the HMAC of their bytes under the nonce proves that one has them. */
export type Challenge = {
  token: string
  nonce: string
  ranges: [offset: number, length: number][]
  expiresAt: string
}
