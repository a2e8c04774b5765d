// The paths of routes: exact, `{name}` for one segment, `*` at the end for everything after it.
import type { Route } from '../../../core/index.ts'
import { canonicalPath } from './canonical-path.ts'

declare module '../../../core/contract.ts' {
  interface Slots {
    /** Given by route-match: what the route's `*` and `{name}` stand for. */
    match: RouteMatch
  }
}

interface NamedSegment {
  readonly name: string
}

export interface PathPattern {
  readonly text: string
  /** Between the slashes; of a wildcard, those before the segment that holds the `*`. */
  readonly segments: readonly (string | NamedSegment)[]
  /** What stands before the `*` in its own segment (empty for `/a/*`); undefined without a `*`. */
  readonly tail: string | undefined
  readonly names: readonly string[]
  /** The pattern with its names taken out: two patterns of one shape match the same paths. */
  readonly shape: string
}

/** What a pattern matched, byte for byte. */
export interface RouteMatch {
  /** What `*` stood for; undefined without a `*`. */
  readonly path: string | undefined
  readonly names: Readonly<Record<string, string>>
}

const named = /^\{([A-Za-z][A-Za-z0-9_]*)\}$/

/** Why a text is no pattern, as the rest of a sentence that begins with the key; undefined when it is one. */
export function patternProblem(text: string): string | undefined {
  if (!text.startsWith('/')) return 'must start with /'
  if (/[^\x21-\x7e]|[?#\\"<>]/.test(text)) return 'holds a character that a path cannot hold; percent-encode it'
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return 'holds a broken percent-encoding'
  const star = text.indexOf('*')
  if (star !== -1 && star !== text.length - 1) return 'may have * at its end only'
  const plain = canonicalPath(text)
  if (plain !== text) return `is not in its plain form; write ${plain}`
  return segmentsProblem(text)
}

function segmentsProblem(text: string): string | undefined {
  const seen = new Set(text.endsWith('*') ? ['path'] : [])
  for (const segment of text.slice(1).split('/')) {
    if (segment === '.' || segment === '..') return `has the segment ${segment}, which no request may have`
    if (!segment.includes('{') && !segment.includes('}')) continue
    const name = named.exec(segment)?.[1]
    if (name === undefined) return `has ${segment}: a name fills a whole segment, such as /{id}/`
    if (name === 'path' && seen.has(name)) return 'has {path} beside *, and {path} is what the * matched; rename it'
    if (seen.has(name)) return `has {${name}} twice`
    seen.add(name)
  }
  return undefined
}

/** Throws where `patternProblem` finds one. */
export function parsePattern(text: string): PathPattern {
  const problem = patternProblem(text)
  if (problem !== undefined) throw new Error(`path ${text} ${problem}`)
  return readPattern(text)
}

function readPattern(text: string): PathPattern {
  const parts = text.slice(1).split('/')
  const tail = text.endsWith('*') ? parts.pop()!.slice(0, -1) : undefined
  const segments = parts.map((part) => {
    const name = part.startsWith('{') ? named.exec(part)?.[1] : undefined
    return name === undefined ? part : { name }
  })
  const names = segments.flatMap((s) => (typeof s === 'string' ? [] : [s.name]))
  return { text, segments, tail, names, shape: names.length === 0 ? text : text.replaceAll(/\{[^}]*\}/g, '{}') }
}

const patterns = new WeakMap<Route, PathPattern>()

/** A route's own pattern, read once however many ask; undefined where `patternProblem` finds one. */
export function patternOf(route: Route): PathPattern | undefined {
  const known = patterns.get(route)
  if (known !== undefined) return known
  if (patternProblem(route.path) !== undefined) return undefined
  const pattern = readPattern(route.path)
  patterns.set(route, pattern)
  return pattern
}

const nothing: RouteMatch = Object.freeze({ path: undefined, names: Object.freeze({}) })

/** What the pattern's `*` and names stand for in a path that it matches. */
export function capture(pattern: PathPattern, path: string): RouteMatch {
  const { names, segments, tail } = pattern
  if (names.length === 0) {
    return tail === undefined ? nothing : { path: path.slice(pattern.text.length - 1), names: nothing.names }
  }
  const found: Record<string, string> = {}
  let at = 1
  for (const segment of segments) {
    const slash = path.indexOf('/', at)
    const end = slash === -1 ? path.length : slash
    if (typeof segment !== 'string') found[segment.name] = path.slice(at, end)
    at = end + 1
  }
  return { path: tail === undefined ? undefined : path.slice(at + tail.length), names: found }
}
