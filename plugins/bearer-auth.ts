import { defineStage, type Exchange, type Host, type Route, type Verdict } from '../core/index.ts'
import { TokenUnfit } from './lib/bearer/access-token.ts'
import { type Bearer, KnownBearer } from './lib/bearer/bearer.ts'
import { bearerChallenge, bearerToken, twoTokens } from './lib/bearer/bearer-header.ts'
import { bearerTokensShared, type Judged, TooManyTokens } from './lib/bearer/bearer-tokens.ts'
import { KeysUnavailable } from './lib/bearer/key-set.ts'
import { servicesOf } from './lib/chosen-service.ts'
import { classify } from './lib/idp/idp-errors.ts'
import { sections } from './lib/settings/settings.ts'
import { wordList } from './lib/settings/text-values.ts'

declare module '../core/contract.ts' {
  interface RouteKeys {
    /** An `auth: bearer` route: scopes that the token must all have. */
    scopes?: readonly string[]
  }
}

type X = Exchange<'route', never, 'bearer'>

/** Demands an access token on `auth: bearer` routes. A session's cookie proves nothing there, so no other site's page can send one along. */
export default defineStage({
  name: 'bearer-auth',
  needs: ['route'],
  provides: ['bearer'],
  guards: ['bearer'],
  also: ['upgrades'],
  // The issuer may be asked for its metadata, its keys and the token.
  timeout: 20_000,
  sections: { auth: sections.auth, service_audiences: sections.service_audiences },
  routeKeys: { scopes: wordList.default([]) },
  applies: (route) => route.auth === 'bearer',
  async setup(host) {
    const auth = host.section('auth')
    const { bearer } = auth
    if (bearer === null) throw new Error('auth: bearer routes need auth.bearer in settings.yaml')
    const tokens = await host.shared(bearerTokensShared, { auth, bearer })
    const { log } = host
    const unavailable = (cause: unknown) =>
      log.warn({ issuer: bearer.issuer ?? auth.issuer, error: classify(cause).words }, 'idp_unavailable')
    return (route) => ({ run: runOf({ read: (token) => tokens.read(token), unavailable }, ruleOf(host, route)) })
  },
  explain(host) {
    return (route) => {
      const rule = ruleOf(host, route)
      const bearer = new KnownBearer({
        issuer: host.section('auth').issuer,
        sub: 'someone',
        audiences: rule.anyOf.length > 0 ? rule.anyOf : rule.allOf,
        scopes: new Set(rule.scopes),
        expiresAt: 0,
      })
      const run = runOf({ read: () => bearer, unavailable() {} }, rule)
      return { run: (x) => (host.as === 'user' ? x.proceed({ bearer }) : run(x)) }
    }
  },
})

interface Rule {
  readonly anyOf: readonly string[]
  /** Without `auth.bearer.audience`: those of all services that the request may go to, for the token goes with it. */
  readonly allOf: readonly string[]
  readonly scopes: readonly string[]
}

function ruleOf(host: Host<unknown>, route: Route): Rule {
  const anyOf = host.section('auth').bearer?.audience ?? []
  const audiences = host.section('service_audiences')
  const allOf = anyOf.length > 0 ? [] : servicesOf(route).map((name) => audiences[name] ?? '')
  return { anyOf, allOf, scopes: route.scopes ?? [] }
}

interface Tokens {
  read(token: string): Judged | Promise<Judged>
  unavailable(cause: unknown): void
}

function runOf(tokens: Tokens, rule: Rule) {
  const answer = (x: X, judged: Judged): Verdict<'filter'> => {
    if (judged instanceof TokenUnfit) return invalid(x, judged.message)
    if (!isFor(judged, rule)) return invalid(x, 'the token is for another audience')
    return rule.scopes.every((scope) => judged.scopes.has(scope)) ? x.proceed({ bearer: judged }) : tooNarrow(x, rule)
  }

  const failed = (x: X, error: unknown): Verdict<'filter'> => {
    if (error instanceof TooManyTokens) return x.reply(503, 'OVERLOADED', { retryAfter: 1, reason: 'tokens' })
    const cause = error instanceof KeysUnavailable ? error.cause : error
    tokens.unavailable(cause)
    return x.reply(503, 'IDP_UNAVAILABLE', {
      retryAfter: 1,
      detail: 'The token cannot be judged just now. Try again.',
      cause,
    })
  }

  return (x: X): Verdict<'filter'> | Promise<Verdict<'filter'>> => {
    const token = bearerToken(x)
    if (token === undefined) return x.reply(401, 'TOKEN_REQUIRED', { headers: challenge() })
    if (token === twoTokens)
      return x.reply(400, 'BAD_REQUEST', {
        headers: challenge('invalid_request'),
        detail: 'Send one Authorization header: Bearer and the token.',
      })
    try {
      const judged = tokens.read(token)
      if (!(judged instanceof Promise)) return answer(x, judged)
      return judged.then(
        (late) => answer(x, late),
        (error: unknown) => failed(x, error),
      )
    } catch (error) {
      return failed(x, error)
    }
  }
}

function isFor({ audiences }: Bearer, { anyOf, allOf }: Rule): boolean {
  return anyOf.length > 0 ? anyOf.some((one) => audiences.includes(one)) : allOf.every((one) => audiences.includes(one))
}

function challenge(...said: Parameters<typeof bearerChallenge>): string[] {
  return ['WWW-Authenticate', bearerChallenge(...said)]
}

function invalid(x: X, why: string): Verdict<'filter'> {
  return x.reply(401, 'INVALID_TOKEN', {
    headers: challenge('invalid_token', why),
    detail: `The access token was refused: ${why}.`,
  })
}

function tooNarrow(x: X, { scopes }: Rule): Verdict<'filter'> {
  const headers = challenge('insufficient_scope', 'the token lacks a scope', scopes)
  return x.reply(403, 'INSUFFICIENT_SCOPE', { headers, detail: `This route wants the scopes ${scopes.join(' ')}.` })
}
