/** A share for people, exact enough to tell little from nothing: `4 %`, `0.04 %`. */
export function showShare(part: number, whole: number): string {
  const percent = (100 * part) / whole
  return `${percent < 1 ? percent.toFixed(2) : Math.round(percent)} %`
}
