/** Which of `count` things are there. */
export type Bitmap = { add: (index: number) => void; missing: () => number[]; toText: () => string }

/** A bitmap, empty or as `toText` wrote it (base64, first thing in the lowest bit); other text counts as empty. */
export function createBitmap(count: number, text = ''): Bitmap {
  const bytes = bytesOf(text, Math.ceil(count / 8))
  const has = (index: number) => (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1
  return {
    add: (index) => {
      bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7))
    },
    missing: () =>
      Array.from({ length: count }, (_, index) => index).filter((index) => !has(index)),
    toText: () => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')),
  }
}

function bytesOf(text: string, length: number): Uint8Array {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    if (bytes.length === length) return bytes
  } catch {
    // Falls through to an empty bitmap.
  }
  return new Uint8Array(length)
}
