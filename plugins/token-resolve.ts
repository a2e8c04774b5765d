import {
  defineStage,
  type Exchange,
  type ExplainHost,
  type Host,
  type Log,
  type Route,
  type Verdict,
} from '../core/index.ts'
import { bridge, bridgeSections } from './lib/bridge.ts'
import { PerService } from './lib/chosen-service.ts'
import { diagnose } from './lib/doctor/diagnose.ts'
import { type PerOrigin, PublicOrigins } from './lib/http/public-origins.ts'
import { LoginUrl } from './lib/login/login-url.ts'
import { pretendCredential } from './lib/pretend.ts'
import type { Session } from './lib/session/session.ts'
import { sections } from './lib/settings/settings.ts'
import { isResourceIndicator } from './lib/settings/text-values.ts'
import { type Broker, isRefused, type Refusal } from './lib/token/broker.ts'
import { codeOf, passingDetails, reasonDetails, type TokenReason } from './lib/token/reasons.ts'
import type { Credential } from './lib/upstream/upstream.ts'

type X = Exchange<'route' | 'session', 'service', 'token'>

/** Gives each request of a session route the token of its service: from the session, or minted while it waits. */
export default defineStage({
  name: 'token-resolve',
  needs: ['route', 'session'],
  wants: ['service'],
  provides: ['token'],
  also: ['upgrades'],
  // A mint is waited for up to 5 s, behind a session store that has its own time limit.
  timeout: 15_000,
  sections: { ...bridgeSections, cors: sections.cors },
  applies: needsToken,
  async setup(host) {
    const { broker, sessions } = await bridge(host)
    const tokens: Tokens = { credential: broker.credential, over: (session) => sessions.over(session) }
    const parts = { tokens, log: host.log, logins: loginsOf(host) }
    return (route) => ({ run: resolver(route, parts) })
  },
  diagnose,
  explain(host) {
    const { credential, intention } = pretendBroker(host)
    const parts = { tokens: { credential, over: () => false }, log: host.log, logins: loginsOf(host) }
    return (route) => {
      const run = resolver(route, parts)
      const intentions = new PerService(route, intention)
      return {
        run(x) {
          const told = intentions.get(x.peek('service'))
          if (told) host.would(x, told)
          return run(x)
        },
      }
    }
  },
})

/** What the settings alone decide; what only the identity provider knows is taken to be granted. */
function pretendBroker(host: ExplainHost<unknown>) {
  const minterOf = (service: string) => {
    const mint = ownValue(host.section('service_tokens'), service)?.mint ?? host.section('auth').mint
    return typeof mint === 'string' ? mint : mint.use
  }
  const audienceOf = (service: string) => ownValue(host.section('service_audiences'), service)
  const credential = (_session: unknown, service: string): Credential | Refusal => {
    const audience = audienceOf(service)
    if (audience === undefined) return { kind: 'refused', reason: 'no_mapping', stepUp: false }
    if (minterOf(service) === 'resource' && !isResourceIndicator(audience))
      return { kind: 'refused', reason: 'not_mintable', stepUp: false }
    return pretendCredential(audience)
  }
  const intention = (service: string) => {
    const audience = audienceOf(service)
    if (audience === undefined) return undefined
    const scopes = ownValue(host.section('service_scopes'), service)?.join(' ')
    return `ask for a token for ${audience}${scopes ? ` with scope ${scopes}` : ''} (mint: ${minterOf(service)}), unless the session holds a live one`
  }
  return { credential, intention }
}

function ownValue<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined
}

function needsToken(route: Route): boolean {
  return route.auth === 'session' && route.target_service !== ''
}

interface Tokens extends Pick<Broker, 'credential'> {
  over(session: Session): boolean
}

const hint = 'bascule doctor finds the place that disagrees, and the line to change'

interface Parts {
  readonly tokens: Tokens
  readonly log: Log
  readonly logins: PerOrigin<LoginUrl>
}

function loginsOf(host: Pick<Host<unknown>, 'server' | 'section'>): PerOrigin<LoginUrl> {
  const allowed = host.section('cors').allow_origins
  return new PublicOrigins(host.server).map((origin) => new LoginUrl(origin, allowed))
}

function resolver(route: Route, parts: Parts) {
  const resolvers = new PerService(route, (service) => resolverFor(service, route, parts))
  return (x: X) => resolvers.get(x.peek('service'))(x)
}

function resolverFor(service: string, route: Route, { tokens, log, logins }: Parts) {
  const loginUrl = (x: X): string => (logins.of(x) ?? logins.first).for(x)
  const stepUpUrl = (x: X): string => (logins.of(x) ?? logins.first).stepUp(x, service)

  const answer = (x: X, got: Credential | Refusal): Verdict<'filter'> => {
    if (isRefused(got)) return refuse(x, got)
    // Stages before may have waited, and so may the mint: once a logout was answered, nothing more is sent.
    return tokens.over(x.get('session')) ? loggedOut(x) : x.proceed({ token: got })
  }

  function loggedOut(x: X): Verdict<'filter'> {
    const detail = 'The session ended while this request was under way. It was not sent to the service.'
    return x.reply(401, 'SESSION_REQUIRED', { detail, members: { login_url: loginUrl(x) } })
  }

  function refuse(x: X, refusal: Refusal): Verdict<'filter'> {
    switch (refusal.kind) {
      case 'refused':
        return noToken(x, refusal.reason, refusal.stepUp)
      case 'session_over':
        return x.reply(401, 'SESSION_REQUIRED', {
          reason: 'grant_lost',
          detail: passingDetails.grant_lost,
          members: { login_url: loginUrl(x) },
        })
      case 'unavailable':
        return refusal.what === 'store'
          ? x.reply(503, 'STORE_UNAVAILABLE', { retryAfter: refusal.retryAfter })
          : x.reply(503, 'IDP_UNAVAILABLE', {
              retryAfter: refusal.retryAfter,
              reason: 'idp_unavailable',
              detail: passingDetails.idp_unavailable,
              members: { service },
            })
    }
  }

  function noToken(x: X, reason: TokenReason, stepUp: boolean): Verdict<'filter'> {
    log.warn(
      { status: 401, reason, route: route.id, correlation_id: x.id, hint },
      `NO_TOKEN_AVAILABLE service=${service}`,
    )
    return x.reply(401, codeOf(reason), {
      reason,
      detail: reasonDetails[reason],
      members: { service, ...(stepUp ? { login_url: reason === 'step_up' ? stepUpUrl(x) : loginUrl(x) } : {}) },
    })
  }

  return (x: X): Verdict<'filter'> | Promise<Verdict<'filter'>> => {
    const got = tokens.credential(x.get('session'), service)
    return got instanceof Promise ? got.then((late) => answer(x, late)) : answer(x, got)
  }
}
