const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** A line for programs and for people who asked for it. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** A line about what goes on; never part of the result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** One object per line. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value))
}

/** Bytes for people: `1.5 MiB`. */
export function showBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`
}

/** A duration for people: `4.2 s`, `3:05`, `1:02:03`. */
export function showSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const pad = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60) % 60
  const hours = Math.floor(whole / 3600)
  const tail = `${pad(whole % 60)}`
  return hours > 0 ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`
}

/** Text from elsewhere (file names, messages) without anything that a terminal would obey. */
export function showText(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
