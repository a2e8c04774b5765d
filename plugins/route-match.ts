import { defineStage, type Exchange, type Verdict } from '../core/index.ts'
import { preflightMethod } from './lib/http/cors.ts'
import { canonicalPath } from './lib/routing/canonical-path.ts'
import { nearMisses } from './lib/routing/near-misses.ts'
import { capture, patternOf, patternProblem } from './lib/routing/path-pattern.ts'
import { routeConflicts } from './lib/routing/route-conflicts.ts'
import { RouteTable } from './lib/routing/route-table.ts'
import { sections } from './lib/settings/settings.ts'

const encodedSlash = /%2f/i

type X = Exchange<never, never, 'route' | 'match'>

function match(table: RouteTable, x: X, method: string): Verdict<'router'> {
  const { path } = x
  const host = x.header('host')
  const routes = table.find(host, path)
  if (routes === undefined) return x.reply(404, 'ROUTE_NOT_FOUND')
  const target = routes.target(method)
  if (target === undefined) {
    return x.reply(405, 'METHOD_NOT_ALLOWED', {
      headers: ['Allow', routes.allow],
      detail: `this path answers ${routes.allow}`,
    })
  }
  const { route, pattern } = target
  if (route.encoded_slash === 'reject' && path.includes('%') && encodedSlash.test(path)) {
    return x.reply(400, 'BAD_TARGET', { detail: 'the path holds an encoded slash', reason: 'encoded_slash' })
  }
  const plain = canonicalPath(path)
  if (plain !== path) {
    // `/api/%61dmin`, `/api//admin` or `/api/admin;x` on a looser route, for an upstream that reads it as /api/admin, walks past
    // the rules of that path's own route.
    const other = table.find(host, plain)
    if (other !== undefined && other.target(method)?.route !== route) {
      return x.reply(400, 'BAD_TARGET', {
        detail: 'the path is a disguise of one that has its own route; send it plainly',
        reason: 'ambiguous_path',
      })
    }
  }
  return x.proceed({ route, match: capture(pattern, path) })
}

/** Finds the route by host, path and method (docs/configuration.md, "Which route wins"). The cost does not grow with their number. */
export default defineStage({
  name: 'route-match',
  role: 'router',
  provides: ['route', 'match'],
  also: ['upgrades', 'endpoints'],
  sections: { cors: sections.cors },
  problems(route) {
    return patternOf(route) === undefined ? [`path ${patternProblem(route.path)}`] : []
  },
  conflicts: routeConflicts,
  nearMisses,
  setup(host) {
    const table = new RouteTable(host.routes)
    if (host.section('cors').allow_origins.length === 0) return { run: (x) => match(table, x, x.method) }
    // A preflight is judged by the route of the request that would follow; `cors`, which is there for such a list, answers it.
    return { run: (x) => match(table, x, preflightMethod(x) ?? x.method) }
  },
})
