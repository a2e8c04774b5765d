import type { Route } from '../contract.ts'
import { fault } from '../errors.ts'
import { stageNumber } from '../run/current-stage.ts'
import type { AnyExchange, Pipeline, Program, Step } from '../run/program.ts'

const core = {
  name: 'core',
  number: stageNumber('core'),
  terminal: false,
  timeout: 30_000,
  response: undefined,
  settled: undefined,
}

/** What the admin listener serves for plugins: an exact path, then its endpoint. Observers are told how it ended, and edit no heads: CORS has no place here. */
export function adminPipeline(programs: readonly (readonly [Route, Program])[], observers: readonly Step[]): Pipeline {
  const routes = programs.map(([route]) => route)
  const router: Step = { ...core, provides: ['route'], reads: new Set(), run: routerOf(routes) }
  const behind = (steps: readonly Step[], rest: Omit<Program, 'steps' | 'responders'>): Program => ({
    ...rest,
    steps: [router, ...steps],
    responders: [],
  })
  const settlers = observers.filter((step) => !step.run)
  return {
    unrouted: behind([], { route: undefined, settlers, meter: undefined }),
    programs: new Map(programs.map(([route, program]) => [route, behind(program.steps, program)])),
  }
}

function routerOf(routes: readonly Route[]): NonNullable<Step['run']> {
  const byPath = new Map<string, Route[]>()
  for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route])
  return (x) => {
    const found = byPath.get(x.path)
    if (!found) return x.reply(404, 'ROUTE_NOT_FOUND')
    const route = found.find(({ methods }) => methods === undefined || methods.includes(x.method))
    if (route) return proceed(x, route)
    const allowed = [...new Set(found.flatMap(({ methods }) => methods ?? []))].join(', ')
    return x.reply(405, 'METHOD_NOT_ALLOWED', { headers: ['Allow', allowed] })
  }
}

/** `AnyExchange` may give every slot, so its type asks for all of them. */
function proceed(x: AnyExchange, route: Route) {
  if (x.upgrade) throw fault('NOT_IMPLEMENTED', 'there are no upgrades here')
  return (x as unknown as { proceed(values: { route: Route }): ReturnType<AnyExchange['proceed']> }).proceed({ route })
}
