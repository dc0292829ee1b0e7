import { isUtf8Locale } from './settings.ts'

/** What fits everywhere that is not a terminal. */
const COLUMNS_ELSEWHERE = 100

/** SGR codes (ECMA-48, 8.3.117). */
const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

export type Style = keyof typeof STYLES

/** What stdout can show. */
export type Terminal = {
  columns: number
  isUtf8: boolean
  /** Text in a style, or as it is where there are no colours. */
  paint: (style: Style | undefined, text: string) => string
}

/** The terminal of stdout: colours only on one that has them and without NO_COLOR, Braille and blocks only in UTF-8. */
export function thisTerminal(): Terminal {
  const { stdout } = process
  const isColored = stdout.isTTY && stdout.hasColors()
  return {
    columns: stdout.columns || COLUMNS_ELSEWHERE,
    isUtf8: isUtf8Locale(),
    paint: isColored ? painted : plain,
  }
}

/** Text in a style. */
export function painted(style: Style | undefined, text: string): string {
  return style ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text
}

/** Text without one. */
export function plain(_style: Style | undefined, text: string): string {
  return text
}
