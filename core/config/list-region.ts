/** Where the entries of a top-level block list stand in a file. */
export interface ListRegion {
  /** Of the list's key. */
  readonly key: number
  /** Column of the dashes. */
  readonly indent: number
  /** Offset of each entry's first line. An entry reaches to the next. */
  readonly starts: readonly number[]
  /** Where the line after the last entry begins. */
  readonly end: number
}

/**
 * Finds them by their indentation alone, in one look at the text. A guess, which whoever uses it proves: inside quotes or brackets a line
 * may look like an entry, but then the entry before it is no YAML by itself. Undefined: no such list, or not certainly.
 */
export function findList(text: string, name: string): ListRegion | undefined {
  // Documents and directives of their own, or a second key of that name: not here.
  if (/^(?:---|\.\.\.|%)/m.test(text)) return undefined
  const head = new RegExp(`^${name}:[ \\t]*(?:#[^\\n]*)?\\r?\\n`, 'm').exec(text)
  if (head === null) return undefined
  const starts: number[] = []
  let indent = -1
  let at = head.index + head[0].length
  for (; at < text.length; at = nextLine(text, at)) {
    const kind = kindOf(text, at, indent)
    if (kind === 'unclear') return undefined
    if (kind === 'end') break
    if (kind !== 'entry') continue
    if (indent < 0) indent = blanksAt(text, at)
    starts.push(at)
  }
  return starts.length === 0 ? undefined : { key: head.index, indent, starts, end: at }
}

function kindOf(text: string, at: number, indent: number): 'entry' | 'inside' | 'end' | 'unclear' {
  const blanks = blanksAt(text, at)
  const char = text.charAt(at + blanks)
  if (char === '' || char === '\n' || char === '#') return 'inside'
  if (char === '\r') return text.charAt(at + blanks + 1) === '\n' ? 'inside' : 'unclear'
  if (char === '\t') return 'unclear'
  if (indent >= 0 && blanks > indent) return 'inside'
  const dash = char === '-' && /[ \r\n]/.test(text.charAt(at + blanks + 1))
  if (dash && (indent < 0 || blanks === indent)) return 'entry'
  // A key without a name begins where the comments before it do, and those are the last entry's here.
  return /[\w"']/.test(char) ? 'end' : 'unclear'
}

function blanksAt(text: string, at: number): number {
  let end = at
  while (text.charCodeAt(end) === 32) end++
  return end - at
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end + 1
}
