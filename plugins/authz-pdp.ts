import { defineStage, type Exchange, type ExplainHost, type Host, type Route, type Verdict } from '../core/index.ts'
import { readJson } from './lib/authz/authz-body.ts'
import { type Decision, DecisionPoint, pdpPool } from './lib/authz/authz-decision-point.ts'
import {
  authzRouteKeys,
  type CompiledMapping,
  compileMapping,
  mappingFor,
  mappingProblems,
} from './lib/authz/authz-map.ts'
import { questionOf } from './lib/authz/authz-question.ts'
import { pdpSection } from './lib/authz/authz-settings.ts'
import type {} from './lib/routing/path-pattern.ts'
import type {} from './lib/session/session.ts'
import { clock } from './lib/util/clock.ts'

type X = Exchange<'route' | 'match' | 'session', 'service'>

/** Asks a decision point whether this user may do this to that; routes with `authz: pdp` only. In doubt nothing passes. */
export default defineStage({
  name: 'authz-pdp',
  needs: ['route', 'match', 'session'],
  wants: ['service'],
  // The client's body (20 s) and the decision point (30 s at most) are waited for, each with its own answer.
  timeout: 60_000,
  also: ['upgrades'],
  sections: { pdp: pdpSection },
  routeKeys: authzRouteKeys,
  // A map without `authz: pdp` is run past `problems` too: whoever wrote it believes that the route is guarded.
  applies: (route) => route.authz === 'pdp' || route.authz_map !== undefined,
  problems: mappingProblems,
  async setup(host: Host<undefined>) {
    const point = await openPoint(host)
    return (route) => ({ run: judge(route, point, host) })
  },
  explain(host) {
    return (route) => ({ run: pretend(route, host) })
  },
})

async function openPoint(host: Host<undefined>): Promise<DecisionPoint | undefined> {
  const settings = host.section('pdp')
  const { base_url } = settings
  if (base_url === null) return undefined // refused at load where a route asks
  const pool = await host.shared(pdpPool, { origin: new URL(base_url).origin })
  return new DecisionPoint(pool, { ...settings, base_url }, clock)
}

function judge(route: Route, point: DecisionPoint | undefined, { log }: Host<undefined>) {
  const mappings = mappingsOf(route)

  const ask = (x: X, mapping: CompiledMapping, body: unknown): Verdict<'filter'> | Promise<Verdict<'filter'>> => {
    const question = questionOf(x, route, mapping, body)
    const decision = point!.decide(question, x.id)
    return decision instanceof Promise ? decision.then((late) => answer(x, late)) : answer(x, decision)
  }

  function answer(x: X, decision: Decision): Verdict<'filter'> {
    switch (decision.kind) {
      case 'allow':
        return x.proceed()
      case 'deny':
        return x.reply(403, 'FORBIDDEN', { reason: 'pdp_denied', detail: 'The decision point does not allow this.' })
      case 'unknown': {
        const { why, cause } = decision
        log.warn({ reason: why, err: cause, route: route.id, correlation_id: x.id }, 'pdp_unavailable')
        const detail = 'Whether this is allowed cannot be decided just now. Nothing was done; try again.'
        return x.reply(503, 'PDP_UNAVAILABLE', { reason: why, detail, retryAfter: 1 })
      }
    }
  }

  return (x: X): Verdict<'filter'> | Promise<Verdict<'filter'>> => {
    const mapping = mappingFor(mappings, x.method)
    if (mapping === undefined || point === undefined) return notMapped(x)
    return mapping.readsBody ? readJson(x).then((body) => ask(x, mapping, body)) : ask(x, mapping, undefined)
  }
}

/** What would be asked; the answer, which is the decision point's alone, is taken to be yes. */
function pretend(route: Route, host: ExplainHost<undefined>) {
  const mappings = mappingsOf(route)
  const { base_url } = host.section('pdp')
  return (x: X): Verdict<'filter'> => {
    const mapping = mappingFor(mappings, x.method)
    if (mapping === undefined) return notMapped(x)
    const question = mapping.readsBody
      ? `whether the user may ${mapping.action} this ${mapping.resource}, with what the body says of it`
      : questionOf(x, route, mapping, undefined)
    host.would(x, `ask ${base_url} ${question}, unless the answer is known`)
    return x.proceed()
  }
}

function mappingsOf(route: Route): ReadonlyMap<string, CompiledMapping> {
  return new Map(Object.entries(route.authz_map ?? {}).map(([method, mapping]) => [method, compileMapping(mapping)]))
}

/** Refused at load; but a door that stands on that alone is not shut. */
function notMapped(x: X): Verdict<'filter'> {
  return x.reply(403, 'FORBIDDEN', { reason: 'not_mapped' })
}
