// How a route's `path` and `upstream_path` may be written. Matching and filling in are a router's and a plugin's work.

/** What is wrong with a pattern: exact, trailing `*`, or `{name}` segments. Undefined: nothing. */
export function pathProblem(path: string): string | undefined {
  const fixed = path.endsWith('*') ? path.slice(0, -1) : path
  if (fixed.includes('*')) return 'may have one * only, at its end'
  const bare = fixed.split('/').map((segment) => segment.replace(/^\{[A-Za-z_][A-Za-z0-9_]*\}$/, ''))
  if (/[{}]/.test(bare.join('/'))) return 'may have {name} as a whole segment only, the name of letters, digits and _'
  const names = segmentNames(fixed)
  if (new Set(names).size < names.length) return 'uses a {name} twice'
  if (path.endsWith('*') && names.includes('path'))
    return 'may not name a segment {path} beside *: {path} is what * matched'
  return writtenProblem(fixed)
}

/** What is wrong with the template of the path to send, given the route's pattern. */
export function upstreamPathProblem(template: string, path: string | undefined): string | undefined {
  if (template.includes('*')) return 'has no *; {path} stands for what the * of path matched'
  const bare = template.replace(/\{[A-Za-z_][A-Za-z0-9_]*\}/g, 'x')
  if (/[{}]/.test(bare)) return 'has a { or } that belongs to no {name}'
  const unknown = path === undefined ? undefined : placeholders(template).find((name) => !given(path).includes(name))
  if (unknown !== undefined) return notGiven(unknown, given(path!))
  return writtenProblem(bare)
}

export function placeholders(template: string): string[] {
  return [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]!)
}

function segmentNames(path: string): string[] {
  return path.split('/').flatMap((segment) => /^\{(.*)\}$/.exec(segment)?.[1] ?? [])
}

/** The names a pattern gives: its segments', and `path` for a trailing `*`. */
function given(path: string): string[] {
  return path.endsWith('*') ? [...segmentNames(path), 'path'] : segmentNames(path)
}

function notGiven(name: string, known: readonly string[]): string {
  if (name === 'path') return 'uses {path}, but path has no * at its end for it to stand for'
  const cure = known.length > 0 ? `; it gives ${known.map((word) => `{${word}}`).join(', ')}` : ''
  return `uses {${name}}, which path does not give${cure}`
}

function writtenProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must begin with /'
  if (/[?#]/.test(path)) return 'is a path only: no ? and no #'
  if (path.includes('\\')) return 'may have no backslash'
  if (/\/\//.test(path)) return 'has an empty segment (//)'
  if (path.split('/').some((segment) => segment === '.' || segment === '..'))
    return 'may have no dot segments (. or ..)'
  if (!/^[\x21-\x7e]*$/.test(path)) return 'has a character that must be percent-encoded'
  return encodingProblem(path)
}

/** Requests with these are refused or were never written so: such a pattern could not match, or would open a way round. */
function encodingProblem(path: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return 'has a % without two hexadecimal digits'
  if (/%(?:2f|5c)/i.test(path)) return 'may have no encoded slash or backslash'
  if (/%(?:[01][0-9a-f]|7f)/i.test(path)) return 'may have no encoded control character'
  const plain = [...path.matchAll(/%([0-9A-Fa-f]{2})/g)].find(([, hex]) => unreserved(hex!))
  return plain === undefined
    ? undefined
    : `writes ${plain[0]} for a character that needs no encoding; write the character`
}

function unreserved(hex: string): boolean {
  return /[A-Za-z0-9._~-]/.test(String.fromCharCode(Number.parseInt(hex, 16)))
}
