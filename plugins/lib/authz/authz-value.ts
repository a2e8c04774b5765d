// Where one value of a question comes from: a literal, what the route matched, or the JSON body.
import { fault } from '../../../core/index.ts'
import type { RouteMatch } from '../routing/path-pattern.ts'
import { readPath } from './authz-body.ts'

export type ValueSource =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  /** Text and names in turn, beginning with text. */
  | { readonly kind: 'captures'; readonly pieces: readonly string[] }
  | { readonly kind: 'body'; readonly path: readonly string[] }

const placeholder = /\{([^{}]*)\}/
const bodyPath = /^\$(?:\.[A-Za-z_][\w-]*)+$/

/** Throws nothing: what is malformed was refused by `valueProblem`. `verbatim`: no template, whatever stands in it. */
export function valueSource(value: string | number | boolean, verbatim = false): ValueSource {
  if (typeof value !== 'string' || verbatim) return { kind: 'literal', value }
  if (value.startsWith('$')) return { kind: 'body', path: value.split('.').slice(1) }
  return placeholder.test(value) ? { kind: 'captures', pieces: value.split(placeholder) } : { kind: 'literal', value }
}

/** What is wrong with a value as written, as the rest of a sentence; `known`: the names that the route's path gives. */
export function valueProblem(value: string | number | boolean, known: readonly string[]): string | undefined {
  if (typeof value !== 'string') return undefined
  if (value.startsWith('$')) {
    return bodyPath.test(value) ? undefined : 'must be a path into the JSON body such as $.name or $.owner.id'
  }
  const pieces = value.split(placeholder)
  const stray = pieces.find((piece, i) => i % 2 === 1 && !known.includes(piece))
  if (stray !== undefined) {
    const cure =
      known.length > 0 ? `it has ${known.map((name) => `{${name}}`).join(', ')}` : 'it has no * and no {name}'
    return `names {${stray}}, which the route's path does not match; ${cure}`
  }
  return pieces.some((piece, i) => i % 2 === 0 && /[{}]/.test(piece)) ? 'has a brace without its pair' : undefined
}

/** The value for one request; undefined where the body has none. Throws the fault to answer where it can be read in two ways. */
export function readValue(from: ValueSource, match: RouteMatch, body: unknown): unknown {
  switch (from.kind) {
    case 'literal':
      return from.value
    case 'captures':
      return from.pieces.map((piece, i) => (i % 2 === 0 ? piece : captured(piece, match))).join('')
    case 'body':
      return readPath(body, from.path)
  }
}

function captured(name: string, match: RouteMatch): string {
  const raw = name === 'path' && match.path !== undefined ? match.path : match.names[name]
  const plain = raw === undefined ? undefined : plainText(raw)
  if (plain === undefined) {
    throw fault(
      'BAD_TARGET',
      `the path does not name one thing: send {${name}} plainly, without ; // or encoded slashes`,
    )
  }
  return plain
}

/**
 * What a captured piece of the path names. Undefined where a backend might read another name than the decision point is asked about:
 * `%2e`-like encodings are undone, and what servers disagree on (matrix parameters, empty segments, encoded slashes, twofold encoding) is refused.
 */
export function plainText(raw: string): string | undefined {
  if (raw.startsWith('/') || raw.includes('//') || raw.includes(';')) return undefined
  if (!raw.includes('%')) return raw
  let text: string
  try {
    text = decodeURIComponent(raw)
  } catch {
    return undefined // no UTF-8
  }
  if (/[\p{Cc}\\;]|%[0-9a-f]{2}/iu.test(text)) return undefined
  return text.split('/').length === raw.split('/').length ? text : undefined
}
