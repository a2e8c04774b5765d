/** May stand raw in a segment and mean the same encoded; `;` and `*` are left out, they mean something of their own. */
const plain = /[A-Za-z0-9\-._~!$&'()+,=:@]/

/**
 * What a lenient upstream may take this path for: `%61` read as `a`, `//` as `/`, `;x=1` dropped, hex in upper case. The path itself is
 * returned where nothing of that is in it. Only for comparing: what is forwarded stays byte for byte.
 */
export function canonicalPath(path: string): string {
  if (!path.includes('%') && !path.includes('//') && !path.includes(';')) return path
  let out = ''
  let afterSlash = false // asking `out` itself would flatten it each time: quadratic on a long path
  for (let i = 0; i < path.length; i++) {
    const char = path.charAt(i)
    if (char === ';') {
      const slash = path.indexOf('/', i)
      i = (slash === -1 ? path.length : slash) - 1
    } else if (char === '%') {
      out += decoded(path.slice(i, i + 3))
      i += 2
      afterSlash = false
    } else if (char !== '/' || !afterSlash) {
      out += char
      afterSlash = char === '/'
    }
  }
  return out
}

function decoded(triplet: string): string {
  const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
  return plain.test(char) ? char : triplet.toUpperCase()
}
