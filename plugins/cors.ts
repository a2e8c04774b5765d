import { z } from 'zod'
import { defineStage, type Exchange, type Head, type Host, type Route, type Verdict } from '../core/index.ts'
import { listedOrigin, methodsOf, preflightMethod, removeCorsHeaders, vary, withMethod } from './lib/http/cors.ts'
import { headerName } from './lib/http/header-options.ts'
import { sections } from './lib/settings/settings.ts'
import { duration } from './lib/settings/text-values.ts'

/** With credentials a `*` is no wildcard to a browser but the name of a header; a list that has it means something else than it says. */
const names = z.array(headerName.refine((name) => name !== '*', 'may not be *: list the headers by name'))

const options = z.strictObject({
  /** Names of headers that pages there may send beside those that every page may. */
  allow_headers: names.default(['Content-Type', 'If-Match', 'If-None-Match', 'X-Correlation-ID', 'X-Requested-With']),
  /** Names of headers of an answer that pages there may read. */
  expose_headers: names.default(['ETag', 'Location', 'Retry-After', 'X-Correlation-ID']),
  /** How long a browser may keep the answer to a preflight. */
  max_age: duration.prefault('10m').refine((ms) => ms <= 86_400_000, 'must be at most 24h: no browser keeps it longer'),
})
type Options = z.output<typeof options>

type X = Exchange<'route'>

/**
 * Lets pages of `cors.allow_origins` read answers, errors included. A preflight is answered here: it carries no cookie, so it needs no
 * session, and no service sees it. Stands behind the router by itself where that list has an entry.
 */
export default defineStage({
  name: 'cors',
  options,
  needs: ['route'],
  also: ['upgrades', 'endpoints', 'unrouted'],
  sections: { cors: sections.cors, session: sections.session },
  setup(host: Host<Options>) {
    const rules = rulesOf(host)
    return (route) => hooksOf(rules, route)
  },
})

/** Values of header fields. */
interface Rules {
  readonly origins: ReadonlySet<string>
  readonly allowHeaders: string
  readonly exposeHeaders: string
  readonly maxAge: string
}

function rulesOf(host: Host<Options>): Rules {
  const { options } = host
  const { csrf_header } = host.section('session')
  const allowed = csrf_header === null ? options.allow_headers : [...options.allow_headers, csrf_header]
  return {
    origins: new Set(host.section('cors').allow_origins),
    allowHeaders: allowed.join(', '),
    exposeHeaders: options.expose_headers.join(', '),
    maxAge: String(Math.floor(options.max_age / 1000)),
  }
}

function hooksOf(rules: Rules, route: Route) {
  const methods = methodsOf(route).join(', ')
  // Where the client brings its token itself, a page that may call is a page that may send it.
  const allowHeaders = route.auth === 'bearer' ? withHeader(rules.allowHeaders, 'Authorization') : rules.allowHeaders
  return {
    run(x: X): Verdict<'filter'> {
      if (preflightMethod(x) === undefined) return x.proceed()
      if (listedOrigin(x, rules.origins) !== undefined) return x.reply(204, 'OK')
      return x.reply(403, 'FORBIDDEN', {
        reason: 'origin_not_allowed',
        detail: 'Pages of this origin may not call this; the operator lists those that may in cors.allow_origins.',
      })
    },
    response(x: Exchange, { status, headers: { raw } }: Head): undefined {
      removeCorsHeaders(raw)
      const asked = preflightMethod(x)
      vary(raw, asked === undefined ? plainVary : preflightVary)
      const origin = listedOrigin(x, rules.origins)
      if (origin === undefined) return
      raw.push('Access-Control-Allow-Origin', origin, 'Access-Control-Allow-Credentials', 'true')
      if (asked === undefined) {
        if (rules.exposeHeaders !== '') raw.push('Access-Control-Expose-Headers', rules.exposeHeaders)
      } else if (status === 204) {
        raw.push('Access-Control-Allow-Methods', withMethod(methods, asked), 'Access-Control-Max-Age', rules.maxAge)
        if (allowHeaders !== '') raw.push('Access-Control-Allow-Headers', allowHeaders)
      }
    },
  }
}

function withHeader(names: string, name: string): string {
  if (names.toLowerCase().split(', ').includes(name.toLowerCase())) return names
  return names === '' ? name : `${names}, ${name}`
}

const plainVary = ['Origin']
const preflightVary = ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers']
