/** Base64 of bytes, in Node and in browsers alike. */
export function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}
