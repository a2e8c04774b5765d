/**
 * Without blanks and tabs at its ends, and nothing else: `String.trim` also takes the byte A0, so a cookie that a neighbour's domain
 * named `\xa0__Host-x` (no browser guards that name) would be read as `__Host-x`.
 */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
