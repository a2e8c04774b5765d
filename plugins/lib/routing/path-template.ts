// The path that leaves: base_url's own path, then `upstream_path` with what the route matched, or the client's path as it is.
import type { Route } from '../../../core/index.ts'
import { parsePattern, patternProblem, type RouteMatch } from './path-pattern.ts'

export type PathMaker = (clientPath: string, match: RouteMatch) => string

const placeholder = /\{([^{}]*)\}/

/** What is wrong with a route's `upstream_path`, as the rest of a sentence. */
export function templateProblem(route: Route): string | undefined {
  const { upstream_path: template, path, preserve_path } = route
  if (template === undefined)
    return preserve_path ? undefined : 'needs upstream_path, or preserve_path: true to send the client’s path as it is'
  if (preserve_path) return 'has both upstream_path and preserve_path: true; take one away'
  if (!template.startsWith('/')) return `has the upstream_path ${template}, which must start with /`
  if (/[^\x21-\x7e]|[?#\\"<>*]|%(?![0-9A-Fa-f]{2})/.test(template))
    return `has the upstream_path ${template}, which holds what a path cannot hold${template.includes('*') ? '; for what * matched write {path}' : ''}`
  return unknownName(template, path)
}

function unknownName(template: string, path: string): string | undefined {
  if (patternProblem(path) !== undefined) return undefined // told by the router
  const { names, tail } = parsePattern(path)
  const known = tail === undefined ? names : [...names, 'path']
  const pieces = template.split(placeholder)
  for (let i = 1; i < pieces.length; i += 2) {
    const name = pieces[i]!
    if (known.includes(name)) continue
    const cure = known.length > 0 ? `it has ${known.map((n) => `{${n}}`).join(', ')}` : 'it has no * and no {name}'
    return `has {${name}} in upstream_path, and ${path} does not match anything by that name; ${cure}`
  }
  if (pieces.some((piece, i) => i % 2 === 0 && /[{}]/.test(piece)))
    return 'has a brace without its pair in upstream_path'
  return undefined
}

/** `base`: the path of base_url, without a slash at its end. */
export function compileTemplate(route: Route, base: string): PathMaker {
  if (route.upstream_path === undefined) return base === '' ? (path) => path : (path) => base + path
  const pieces = route.upstream_path.split(placeholder)
  const first = base + pieces[0]!
  if (pieces.length === 1) return () => first
  const { names } = parsePattern(route.path)
  const filled = pieces.slice(1)
  return (_path, match) => {
    let out = first
    for (let i = 0; i < filled.length; i += 2) {
      const name = filled[i]!
      out += (names.includes(name) ? match.names[name] : match.path) ?? ''
      out += filled[i + 1]!
    }
    return out
  }
}

/**
 * Why a filled template may not be sent. The client's target was checked before, but filling makes new segments: `/a/b*` to `/{path}`
 * turns `/a/b../x` into `/../x` (CVE-2026-40912 and its like). No dot segment however spelt, no `//` that some would read as a host.
 */
export function filledPathProblem(path: string): string | undefined {
  if (path.charAt(0) !== '/' || path.charAt(1) === '/') return 'the path to send would start with //'
  if (!path.includes('/.') && !path.includes('%')) return undefined
  return dotSegment.test(path) ? 'the path to send would hold a dot segment' : undefined
}

const dotSegment = /(?:\/|%2f)(?:\.|%2e){1,2}(?:\/|%2f|;|%3b|$)/i
