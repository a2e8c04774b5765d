import { defineStage, type Exchange, type Host, type Reply, type Route, type Sink, type Stream } from '../core/index.ts'
import type {} from './lib/bearer/bearer.ts'
import { UpstreamTally, upstreamRequests } from './lib/bridge-metrics.ts'
import { PerService, serviceOf, servicesOf } from './lib/chosen-service.ts'
import { OwnCookies } from './lib/http/own-cookies.ts'
import { ResponseFilter } from './lib/http/response-headers.ts'
import { PublicLocation } from './lib/routing/public-location.ts'
import type { Session } from './lib/session/session.ts'
import { sessionsShared } from './lib/session/sessions.ts'
import { sections } from './lib/settings/settings.ts'
import { tokenRenewalsShared } from './lib/token/refused-token.ts'
import { type ServiceUpstreams, serviceUpstreams } from './lib/upstream/service-upstreams.ts'
import { SessionCall, type SessionCallRules } from './lib/upstream/session-call.ts'
import { TokenCall } from './lib/upstream/token-call.ts'
import type {} from './lib/upstream/upstream.ts'
import { type CallRules, UpstreamCall } from './lib/upstream/upstream-call.ts'
import { upstreamSettings } from './lib/upstream/upstream-settings.ts'

interface ForwardRules extends CallRules {
  /** Calls of this route are bound to their session, */
  readonly live: SessionCallRules | undefined
  /** or to the token that the client brought. */
  readonly byToken: boolean
}

type ForwardExchange = Exchange<'upstream', 'session' | 'bearer'>

function forward(rules: ForwardRules, x: ForwardExchange): Stream | Reply {
  if (rules.places.full) {
    const detail = 'the service has as many requests under way as it may have'
    return x.reply(503, 'OVERLOADED', { detail, reason: 'max_in_flight', retryAfter: 1 })
  }
  const wait = rules.upstreams.breaker?.wait ?? 0
  if (wait > 0) {
    const detail = 'the service failed too often of late, and is left alone for a while'
    return x.reply(503, 'OVERLOADED', { detail, reason: 'circuit_open', retryAfter: Math.ceil(wait / 1000) })
  }
  const body = x.body.take()
  const length = body === null || body instanceof Uint8Array ? undefined : x.header('content-length')
  const request = x.get('upstream')
  const session = rules.renewals === undefined ? undefined : x.peek('session')
  if (session === undefined && !x.upgrade && !rules.byToken)
    return x.stream(new UpstreamCall(rules, request, body, length))
  const live = liveCall(rules, x, session)
  return x.stream(new UpstreamCall(rules, request, body, length, { upgrade: x.upgrade, live, session }))
}

function liveCall({ live, byToken }: ForwardRules, x: ForwardExchange, session: Session | undefined) {
  const bearer = byToken ? x.peek('bearer') : undefined
  if (bearer !== undefined) return new TokenCall(x, bearer.expiresAt)
  const expiresAt = x.get('upstream').credential?.expiresAt
  return live && session && new SessionCall(live, { session, x, expiresAt })
}

/** What may stay open for hours must end with what allowed it. */
function isLive({ auth, websocket, streaming }: Route, by: 'session' | 'bearer'): boolean {
  return auth === by && (websocket || streaming)
}

function attemptTeller({ log }: Host<undefined>): NonNullable<CallRules['tell']> {
  return ({ service, method }, upstream, attempt) =>
    log.debug({ service: service.name, method, upstream, attempt }, `upstream_chosen service=${service.name}`)
}

/** Answers of public routes and of clients that bring their own token are theirs to cache; all others belong to one session. */
function isPersonal(route: Route): boolean {
  return route.auth !== 'none' && route.auth !== 'bearer'
}

/** Sends the request that header-inject made, and streams the answer back. Never follows a redirect, never repeats what is not safe to. */
export default defineStage({
  name: 'forward',
  role: 'terminal',
  needs: ['upstream'],
  wants: ['session', 'bearer'],
  also: ['upgrades'],
  sections: { session: sections.session },
  async setup(host: Host<undefined>) {
    const own = new OwnCookies(host.section('session').cookie.name)
    const upstreams = new Map<string, ServiceUpstreams>()
    for (const route of host.routes) {
      if (route.service === undefined) continue
      for (const name of servicesOf(route)) {
        if (upstreams.has(name)) continue
        const settings = upstreamSettings(serviceOf(route, name, host.services))
        upstreams.set(name, await host.shared(serviceUpstreams, settings))
      }
    }
    const requests = upstreamRequests(host.metrics)
    const tallies = new Map([...upstreams.keys()].map((name) => [name, new UpstreamTally(requests, name)]))
    const tell = host.logSettings.level === 'debug' ? attemptTeller(host) : undefined
    const { routes } = host
    const sessions = routes.some((route) => isLive(route, 'session'))
      ? await host.shared(sessionsShared, host.section('session'))
      : undefined
    const guarded = routes.some(({ auth }) => auth === 'session')
    const renewals = guarded ? await host.shared(tokenRenewalsShared, host.section('session')) : undefined
    return (route) => {
      const rules = new PerService(route, (name): ForwardRules => {
        const service = serviceOf(route, name, host.services)
        const { timeout, idle_timeout } = service
        const locations = new PublicLocation(route, service)
        const filter = new ResponseFilter(own, isPersonal(route), route.auth === 'bearer', locations)
        const of = upstreams.get(name)!
        const places = route.streaming ? of.streams : of.calls
        const bodyTimeout = route.streaming ? 0 : idle_timeout
        const live = sessions && isLive(route, 'session') ? { sessions, service: name } : undefined
        return {
          upstreams: of,
          places,
          filter,
          headersTimeout: timeout,
          bodyTimeout,
          renewals: route.auth === 'session' ? renewals : undefined,
          tell,
          live,
          byToken: isLive(route, 'bearer'),
        }
      })
      return {
        run: (x) => forward(rules.get(x.get('upstream').service.name), x),
        settled(x, outcome) {
          const sent = x.peek('upstream')
          if (sent) tallies.get(sent.service.name)?.ended(outcome)
          return undefined
        },
      }
    }
  },
  explain(host) {
    return () => ({
      run(x) {
        const { service, method, path, headers, credential } = x.get('upstream')
        const url = new URL(service.base_url).origin + path
        const all = [...headers, ...(credential?.headers({ method, url }) ?? [])]
        const lines = Array.from({ length: all.length / 2 }, (_, i) => `\n  ${all[2 * i]}: ${all[2 * i + 1]}`)
        const verb = x.upgrade ? 'open a WebSocket with' : 'send'
        host.would(x, `${verb} ${method} ${url}${lines.join('')}`)
        return x.stream(nothing)
      },
    })
  },
})

/** An answer without a service: the status is the service's to give. */
const nothing = {
  start(sink: Sink) {
    sink.head(200, [])
    sink.end()
  },
  room() {},
  stop() {},
}
