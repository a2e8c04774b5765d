import type { NearMiss, Route } from '../../../core/index.ts'
import { RouteTable } from './route-table.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly host: string
}

const most = 5

/** Which other routes came near a request, nearest first, and why each lost. For `bascule explain`; not on the hot path. */
export function nearMisses(asked: Asked, won: Route | undefined, routes: readonly Route[]): readonly NearMiss[] {
  return routes
    .filter((route) => route !== won)
    .flatMap((route) => missOf(asked, won, route))
    .sort((a, b) => b.near - a.near)
    .slice(0, most)
    .map(({ route, why }) => ({ route, why }))
}

interface Ranked extends NearMiss {
  readonly near: number
}

function missOf({ method, path, host }: Asked, won: Route | undefined, route: Route): Ranked[] {
  const { hosts, methods } = route
  const takes = (only: Partial<Route>) => new RouteTable([{ ...route, ...only } as Route]).find(host, path)
  if (takes({ hosts: undefined } as never) === undefined) return pathMiss(path, route)
  if (takes({}) === undefined)
    return [{ route, near: 3000, why: `its hosts are ${hosts?.join(', ')}, and this request is for ${host}` }]
  if (methods && !methods.includes(method) && !(method === 'HEAD' && methods.includes('GET'))) {
    return [{ route, near: 2000, why: `it takes ${methods.join(', ')}, not ${method}` }]
  }
  if (!won) return [{ route, near: 1500, why: 'a closer path took the request, and none of its methods fits' }]
  if (won.hosts && !hosts)
    return [{ route, near: 1000, why: `${won.id} lists this host, and a listed host comes before any` }]
  return [{ route, near: 1000, why: `${won.path} is closer to this path than ${route.path}` }]
}

/** Not matched at all: worth telling where more than the first segment agrees, or where it is a slip away. */
function pathMiss(path: string, route: Route): Ranked[] {
  const asked = path.split('/')
  const pattern = route.path.split('/')
  const at = pattern.findIndex((part, i) => part !== asked[i] && !(part.startsWith('{') && asked[i]))
  const shared = at === -1 ? pattern.length : at
  if (shared < 2 || (shared === 2 && pattern.length > 3 && asked.length > 3)) return []
  const part = pattern[shared] ?? ''
  const here = asked[shared]
  const why =
    here === undefined
      ? `the path ends before ${part}`
      : `it has ${part === '' ? 'nothing' : part} where the path has ${here || 'nothing'}`
  return [{ route, near: shared, why }]
}
