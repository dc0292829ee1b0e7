import { showShare } from '../../client/show-share.ts'

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.5 GiB`, as the command line says it. */
export function bytesInWords(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10))
  const figure = bytes / 1024 ** power
  return `${power === 0 ? Math.round(figure) : figure.toFixed(1)} ${UNITS[power]}`
}

/** `1 h 5 min`, `2 min 10 s`, `8 s`: as exact as anybody would act upon. */
export function secondsInWords(seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds))
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function percentInWords(part: number, whole: number): string {
  return `${whole > 0 ? Math.floor((100 * part) / whole) : 100} %`
}

/** `sent 10.5 MiB of 256.0 MiB (4 %)` of a file of which the store had the rest, `sent 256.0 MiB` of any other. */
export function sentInWords(file: {
  sentBytes: number
  copiedBytes: number
  fileSize: number
}): string {
  const sent = `sent ${bytesInWords(file.sentBytes)}`
  if (file.copiedBytes === 0) return sent
  const percent = showShare(file.sentBytes, file.fileSize)
  return `${sent} of ${bytesInWords(file.fileSize)} (${percent})`
}
