/** The elements of a list field (RFC 9110 §5.6.1): parted by commas outside quoted strings, trimmed, empty ones left out. One pass. */
export function listElements(value: string): readonly string[] {
  const found: string[] = []
  let quoted = false
  let start = 0
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i)
    if (char === '\\' && quoted) i++
    else if (char === '"') quoted = !quoted
    else if (char === ',' && !quoted) {
      found.push(value.slice(start, i).trim())
      start = i + 1
    }
  }
  found.push(value.slice(start).trim())
  return found.filter((element) => element !== '')
}
