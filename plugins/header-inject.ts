import { z } from 'zod'
import {
  defineStage,
  type Exchange,
  type Host,
  type Proceed,
  type Reply,
  type Route,
  type Service,
} from '../core/index.ts'
import type { Bearer } from './lib/bearer/bearer.ts'
import { PerService, serviceOf } from './lib/chosen-service.ts'
import { pushForwarded } from './lib/http/forwarded.ts'
import { KnownHosts } from './lib/http/known-hosts.ts'
import { originalUser } from './lib/http/original-user.ts'
import { OwnCookies } from './lib/http/own-cookies.ts'
import { CookieFilter, countHop, keepRequestHeaders } from './lib/http/request-headers.ts'
import { pushTraceContext } from './lib/http/trace-context.ts'
import { TrustedPeers } from './lib/http/trusted-peers.ts'
import type {} from './lib/routing/path-pattern.ts'
import { compileTemplate, filledPathProblem, type PathMaker, templateProblem } from './lib/routing/path-template.ts'
import type {} from './lib/session/session.ts'
import { sections } from './lib/settings/settings.ts'
import type {} from './lib/upstream/upstream.ts'

declare module '../core/contract.ts' {
  interface RouteKeys {
    /** Names of cookies that may go upstream; never Bascule's own. */
    forward_cookies?: readonly string[]
  }
}

type InjectExchange = Exchange<'route' | 'match', 'session' | 'bearer' | 'token' | 'service', 'upstream'>

const cookieName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is no cookie name')
const own = new OwnCookies()

/** What all routes share. */
interface Known {
  readonly peers: TrustedPeers
  readonly hosts: KnownHosts
  readonly cookies: OwnCookies
}

/** What one route's requests become; everything that does not depend on the request is settled here. */
class Injector {
  readonly #route: Route
  readonly #service: Service
  readonly #peers: TrustedPeers
  readonly #hosts: KnownHosts
  readonly #cookies: CookieFilter
  readonly #path: PathMaker

  constructor(route: Route, service: Service, { peers, hosts, cookies }: Known) {
    this.#route = route
    this.#service = service
    this.#peers = peers
    this.#hosts = hosts
    this.#cookies = new CookieFilter(route.forward_cookies ?? [], cookies)
    this.#path = compileTemplate(route, basePath(service))
  }

  run(x: InjectExchange): Proceed | Reply {
    const path = this.#path(x.path, x.get('match'))
    const problem = filledPathProblem(path)
    if (problem !== undefined) return x.reply(400, 'BAD_TARGET', { detail: problem, reason: 'upstream_path' })
    const service = this.#service
    const credential = x.peek('token')
    const headers = this.#headers(x, credential !== undefined)
    return x.proceed({ upstream: { method: x.method, path: path + x.query, headers, service, credential } })
  }

  #headers(x: InjectExchange, hasCredential: boolean): string[] {
    const trusted = this.#peers.trusts(x.client.ip)
    const bearer = x.peek('bearer')
    const authorization = (this.#route.auth === 'none' || bearer !== undefined) && !hasCredential
    const headers = keepRequestHeaders(x.rawHeaders, this.#cookies, { authorization, forwarded: trusted })
    if (x.method === 'OPTIONS') countHop(headers)
    headers.push('X-Correlation-ID', x.id)
    pushTraceContext(headers, x)
    const session = x.peek('session')
    if (session !== undefined) headers.push('X-Original-User', originalUser(session))
    else if (isUser(bearer)) headers.push('X-Original-User', originalUser(bearer))
    pushForwarded(headers, x, trusted, this.#hosts)
    return headers
  }
}

function isUser(bearer: Bearer | undefined): bearer is Bearer & { readonly sub: string } {
  return bearer?.sub !== undefined
}

function basePath({ base_url }: Service): string {
  const path = new URL(base_url).pathname
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function* problems(route: Route): Iterable<string> {
  if (route.service === undefined) {
    // A name that services lacks, or whose entry is wrong, has been reported at its own place.
    if (route.target_service === '') yield 'has no service to send to; name one of services in target_service'
    return
  }
  const template = templateProblem(route)
  if (template !== undefined) yield template
  for (const name of route.forward_cookies ?? []) {
    if (own.owns(name)) yield `forward_cookies names ${name}, which is Bascule's own and never leaves`
  }
}

/** Makes the request to send: path, headers and cookies by the route's rules, identity and provenance by ours. */
export default defineStage({
  name: 'header-inject',
  needs: ['route', 'match'],
  wants: ['session', 'bearer', 'token', 'service'],
  provides: ['upstream'],
  also: ['upgrades'],
  sections: { session: sections.session },
  routeKeys: { forward_cookies: z.array(cookieName).default([]) },
  requires: (route) => (route.auth === 'session' && route.target_service !== '' ? ['token', 'session'] : []),
  problems,
  setup(host: Host<undefined>) {
    const known: Known = {
      peers: new TrustedPeers(host.server.trusted_proxies),
      hosts: new KnownHosts(host.server, host.routes),
      cookies: new OwnCookies(host.section('session').cookie.name),
    }
    return (route) => {
      const injectors = new PerService(
        route,
        (name) => new Injector(route, serviceOf(route, name, host.services), known),
      )
      return { run: (x) => injectors.get(x.peek('service')).run(x) }
    }
  },
})
