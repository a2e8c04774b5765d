/**
 * Whether some object of a JSON text has a key twice. `JSON.parse` keeps the last one, other readers the first (RFC 8259 §4 leaves it open;
 * RFC 7493 §2.3 forbids it). The text must be valid JSON.
 */
export function repeatedKey(text: string): boolean {
  // A set of keys for each open object, undefined for each open list.
  const open: (Set<string> | undefined)[] = []
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (isKey(text, index + token.length)) {
      const key: string = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1)
      const keys = open.at(-1)
      if (keys?.has(key)) return true
      keys?.add(key)
    }
  }
  return false
}

/** Brackets, and strings whole. */
const tokens = /[{}[\]]|"[^"\\]*(?:\\.[^"\\]*)*"/g

function isKey(text: string, end: number): boolean {
  let at = end
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at++
  return text.charAt(at) === ':'
}
