/**
 * What stands between the quotes of a JSON string. Nearly every value of a log line is plain ASCII: one scan then, JSON.stringify for
 * the rest.
 */
export function jsonInner(value: string): string {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return escaped(value)
  }
  return value
}

/** C1 controls and line separators are legal JSON, and still move a terminal's cursor or end a line in a viewer: log injection. */
function escaped(value: string): string {
  return JSON.stringify(value)
    .slice(1, -1)
    .replaceAll(
      /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}
