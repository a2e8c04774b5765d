/** `a`, `a or b`, `a, b or c`. */
export function anyOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** `server.port`, `methods[0]`; inside an entry of a list (a route, say) the entry's own words, as its line says which one. */
export function nameOf(path: readonly PropertyKey[]): string {
  const inside = path.length > 2 && typeof path[1] === 'number' ? path.slice(2) : path
  return inside.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('')
}

const predicate =
  /^(?:must|is|are|was|has|have|needs|lacks|holds|differs|does|may|can|cannot|should|contains|names|stands|ends|begins|leads)\b/

/** Schemas say `must be …`; the line of a report says what must. Whole sentences stay as they are. */
export function aboutPath(path: readonly PropertyKey[], message: string): string {
  const name = nameOf(path)
  return name !== '' && predicate.test(message) ? `${name} ${message}` : message
}
