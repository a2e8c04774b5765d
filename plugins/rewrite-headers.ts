import { z } from 'zod'
import { defineStage, type Exchange, type Head, type Route } from '../core/index.ts'
import { headerMap, headerName } from './lib/http/header-options.ts'
import { compileValue, namesUser, valueProblem } from './lib/http/header-template.ts'
import { escapedPart } from './lib/http/header-word.ts'
import { isOwnedHeader } from './lib/http/request-headers.ts'
import { dropHeaders, type HeaderRule, plainName } from './lib/http/rewrite-rules.ts'
import type {} from './lib/session/session.ts'
import type {} from './lib/upstream/upstream.ts'

function requestProblem(lower: string): string | undefined {
  const name = plainName(lower)
  if (name === 'cookie')
    return 'is not rewritten; name the cookies that may go upstream in forward_cookies of the route'
  if (name === 'authorization') return 'is the token of the service, which token-resolve gives; it cannot be rewritten'
  if (name === 'host') return "is the authority of the service's base_url; change that"
  if (isOwnedHeader(name) || name === 'via')
    return 'is written by Bascule itself, and services trust it; take another name'
  return undefined
}

const framing = /^(connection|content-length|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/

function responseProblem(lower: string): string | undefined {
  if (framing.test(lower)) return 'is framing, which the host writes'
  if (lower === 'set-cookie')
    return 'is not rewritten: it could plant or drop a session; let the service set its cookies'
  if (lower.startsWith('access-control-')) return 'is the matter of cors: list origins in cors.allow_origins'
  if (lower === 'www-authenticate' || lower === 'x-correlation-id') return 'is written by Bascule itself'
  return undefined
}

function changes(problem: (lower: string) => string | undefined) {
  const map = headerMap(problem).superRefine((headers, context) => {
    for (const [name, value] of Object.entries(headers)) {
      const message = valueProblem(value)
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message })
    }
  })
  const remove = z.array(
    headerName.superRefine((name, context) => {
      const message = problem(name.toLowerCase())
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    }),
  )
  return z.strictObject({ set: map.default({}), add: map.default({}), remove: remove.default([]) }).prefault({})
}

const options = z.strictObject({ request: changes(requestProblem), response: changes(responseProblem) })
type Options = z.output<typeof options>
type Changes = Options['request']
type X = Exchange<'route' | 'upstream', 'session'>

const caching = /^(cache-control|cdn-cache-control|surrogate-control|x-accel-expires|edge-control|expires|pragma)$/

/** Sets, adds and removes headers of the request that leaves and of its answer. */
export default defineStage({
  name: 'rewrite-headers',
  options,
  needs: ['route', 'upstream'],
  wants: ['session'],
  also: ['upgrades'],
  *problems(route, { request, response }) {
    const values = [request, response].flatMap(({ set, add }) => [...Object.values(set), ...Object.values(add)])
    if (route.auth !== 'session' && values.some(namesUser))
      yield `a header value holds {user}, and this route (auth: ${route.auth}) has no session that says who it is`
    if (route.auth === 'none') return
    const named = [...Object.keys(response.set), ...Object.keys(response.add), ...response.remove]
    const cached = named.find((name) => caching.test(name.toLowerCase()))
    if (cached !== undefined)
      yield `response names ${cached}, but who may keep an answer for one session is not rewritten; let the service say it`
  },
  setup(host) {
    const { request, response } = host.options
    return (route) => {
      const sent = new Rewriter(request, route)
      const answered = new Rewriter(response, route)
      return {
        run(x: X) {
          sent.rewrite(x.get('upstream').headers, x)
          return x.proceed()
        },
        ...(answered.idle
          ? {}
          : {
              response: (x: Exchange<never, 'session' | 'upstream'>, head: Head) =>
                answered.rewrite(head.headers.raw, x),
            }),
      }
    }
  },
})

class Rewriter {
  readonly idle: boolean
  readonly #gone: ReadonlySet<string>
  readonly #rules: readonly HeaderRule[]

  constructor({ set, add, remove }: Changes, route: Route) {
    this.#gone = new Set([...remove, ...Object.keys(set)].map(plainName))
    this.#rules = [...Object.entries(set), ...Object.entries(add)].map(([name, value]) => ({
      name,
      value: compileValue(value, route),
    }))
    this.idle = this.#gone.size === 0 && this.#rules.length === 0
  }

  rewrite(raw: string[], x: Pick<Exchange<never, 'session' | 'upstream'>, 'id' | 'peek'>): undefined {
    if (this.idle) return
    dropHeaders(raw, this.#gone)
    const session = x.peek('session')
    const source = {
      // A subject is the identity provider's text: a CR LF in it would begin a header of its own.
      user: session && escapedPart(session.sub),
      correlation_id: x.id,
      service: x.peek('upstream')?.service.name ?? '',
    }
    for (const { name, value } of this.#rules) {
      const made = value(source)
      if (made !== undefined) raw.push(name, made)
    }
  }
}
