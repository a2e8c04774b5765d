import {
  defineStage,
  type Exchange,
  type Host,
  type Reply,
  type Route,
  type Service,
  type Sink,
  type Stream,
} from '../core/index.ts'
import { PerService, serviceOf, servicesOf } from './lib/chosen-service.ts'
import { OwnCookies } from './lib/own-cookies.ts'
import { ResponseFilter } from './lib/response-headers.ts'
import { sections } from './lib/settings.ts'
import type {} from './lib/upstream.ts'
import { type CallRules, type Upgrading, UpstreamCall } from './lib/upstream-call.ts'
import { type PoolSettings, type UpstreamPool, upstreamPool } from './lib/upstream-pool.ts'

type ForwardExchange = Exchange<'upstream'>

function poolOf(route: Route, { base_url, timeout }: Service): PoolSettings {
  return {
    origin: new URL(base_url).origin,
    use: route.streaming ? 'streams' : 'calls',
    connect_timeout: timeout,
  }
}

function forward(rules: CallRules, x: ForwardExchange): Stream | Reply {
  if (rules.pool.full) {
    return x.reply(503, 'OVERLOADED', { detail: 'too many requests wait for this service', retryAfter: 1 })
  }
  const body = x.body.take()
  const length = body === null || body instanceof Uint8Array ? undefined : x.header('content-length')
  return x.stream(new UpstreamCall(rules, x.get('upstream'), body, length, x.upgrade ? upgrading : undefined))
}

const upgrading: Upgrading = { upgraded() {} }

/** Answers of public routes and of clients that bring their own token are theirs to cache; all others belong to one session. */
function isPersonal(route: Route): boolean {
  return route.auth !== 'none' && route.auth !== 'bearer'
}

/** Sends the request that header-inject made, and streams the answer back. Never follows a redirect, never repeats what is not safe to. */
export default defineStage({
  name: 'forward',
  role: 'terminal',
  needs: ['upstream'],
  also: ['upgrades'],
  sections: { session: sections.session },
  async setup(host: Host<undefined>) {
    const own = new OwnCookies(host.section('session').cookie.name)
    const pools = new Map<string, UpstreamPool>()
    for (const route of host.routes) {
      if (route.service === undefined) continue
      for (const name of servicesOf(route)) {
        const settings = poolOf(route, serviceOf(route, name, host.services))
        const key = JSON.stringify(settings)
        if (!pools.has(key)) pools.set(key, await host.shared(upstreamPool, settings))
      }
    }
    return (route) => {
      const filter = new ResponseFilter(own, isPersonal(route))
      const rules = new PerService(route, (name): CallRules => {
        const service = serviceOf(route, name, host.services)
        const pool = pools.get(JSON.stringify(poolOf(route, service)))!
        const bodyTimeout = route.streaming ? 0 : service.idle_timeout
        return { pool, filter, headersTimeout: service.timeout, bodyTimeout }
      })
      return { run: (x) => forward(rules.get(x.get('upstream').service.name), x) }
    }
  },
  explain(host) {
    return () => ({
      run(x) {
        const { service, method, path, headers, credential } = x.get('upstream')
        const url = new URL(service.base_url).origin + path
        const all = [...headers, ...(credential?.headers({ method, url }) ?? [])]
        const lines = Array.from({ length: all.length / 2 }, (_, i) => `\n  ${all[2 * i]}: ${all[2 * i + 1]}`)
        host.would(x, `send ${method} ${url}${lines.join('')}`)
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
