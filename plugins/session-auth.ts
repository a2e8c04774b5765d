import { z } from 'zod'
import { defineStage, type Exchange, type Host, isFault, type Route, type Verdict } from '../core/index.ts'
import { fromOtherSite, trustedOrigins } from './lib/http/csrf.ts'
import { PublicOrigins } from './lib/http/public-origins.ts'
import { isNavigation, LoginUrl } from './lib/login/login-url.ts'
import { pretendSession } from './lib/pretend.ts'
import { makeSessionReader, noSessions, type Presented, type SessionReader } from './lib/session/session-reader.ts'
import { sessionsShared } from './lib/session/sessions.ts'
import { sections } from './lib/settings/settings.ts'

declare module '../core/contract.ts' {
  interface RouteKeys {
    /** Absent on endpoints. */
    on_unauthenticated?: '401' | 'login'
  }
}

type X = Exchange<'route', never, 'session'>

/** Demands a session on `auth: session` routes, and refuses what another site's page sent. */
export default defineStage({
  name: 'session-auth',
  needs: ['route'],
  provides: ['session'],
  guards: ['session'],
  cookies: ({ session }) => [session?.cookie.name ?? 'bff_session', 'bff_login'],
  also: ['upgrades', 'endpoints'],
  brings: [
    ...['login', 'callback', 'logout', 'session', 'verify', 'client-js'],
    ...['backchannel-logout', 'frontchannel-logout', 'end-sessions'],
  ],
  sections: { auth: sections.auth, session: sections.session, cors: sections.cors },
  routeKeys: {
    on_unauthenticated: z
      .union([z.literal('401'), z.literal('login'), z.literal(401).transform(() => '401' as const)], {
        error: 'must be "401" or login',
      })
      .default('401'),
  },
  applies: (route) => route.auth === 'session',
  async setup(host) {
    const session = host.section('session')
    const sessions = await host.shared(sessionsShared, session)
    const settings = { auth: host.section('auth'), session }
    const trustedProxies = host.server.trusted_proxies
    return runs(host, (origin) => makeSessionReader(sessions, { origin, trustedProxies }, settings))
  },
  explain(host) {
    const session = pretendSession(host.section('auth').issuer)
    const presented: Presented = host.as === 'user' ? { kind: 'session', session } : { kind: 'none' }
    return runs(host, () => ({ read: () => presented, farewell: () => [] }))
  },
})

/** What is looked at for requests to one origin. */
interface Guard {
  readonly origins: ReadonlySet<string>
  readonly csrfHeader: Lowercase<string> | null
  readonly login: LoginUrl
  readonly reader: Reader
}

type Reader = Pick<SessionReader, 'read' | 'farewell'>

function runs(host: Pick<Host<unknown>, 'server' | 'section'>, readerAt: (origin: string) => Reader) {
  const allowed = host.section('cors').allow_origins
  const guards = new PublicOrigins(host.server).map(
    (origin): Guard => ({
      origins: trustedOrigins(origin, allowed),
      csrfHeader: host.section('session').csrf_header as Lowercase<string> | null,
      login: new LoginUrl(origin, allowed),
      reader: readerAt(origin),
    }),
  )
  return (route: Route) => {
    const places = guards.map((guard) => runOf(guard, route))
    const nowhere = runOf({ ...guards.first, reader: noSessions }, route)
    return { run: (x: X) => (places.of(x) ?? nowhere)(x) }
  }
}

function runOf(guard: Guard, route: Route) {
  const { reader } = guard
  const demanded = route.from === 'routes.yaml' ? guard.csrfHeader : null

  const judge = (x: X, presented: Presented): Verdict<'filter'> =>
    presented.kind === 'session'
      ? x.proceed({ session: presented.session })
      : unauthenticated(x, route, guard, presented)

  return (x: X): Verdict<'filter'> | Promise<Verdict<'filter'>> => {
    if (fromOtherSite(x, guard.origins)) return x.reply(403, 'CSRF_REJECTED', { detail: otherSite })
    // With a static header every request must carry it (BBA-9); a WebSocket handshake cannot, and is judged by its Origin.
    if (demanded !== null && !x.upgrade && x.header(demanded) === undefined)
      return x.reply(403, 'CSRF_REJECTED', { detail: `This route wants the header ${demanded} on every request.` })
    try {
      const presented = reader.read(x)
      if (!(presented instanceof Promise)) return judge(x, presented)
      return presented.then(
        (late) => judge(x, late),
        (error: unknown) => storeAway(x, error),
      )
    } catch (error) {
      return storeAway(x, error)
    }
  }
}

const otherSite =
  'A page of another site sent this. Requests that change something must come from this origin (Sec-Fetch-Site, Origin).'

/** A store that does not answer is a passing fault; anything else is ours, and INTERNAL. */
function storeAway(x: X, cause: unknown): Verdict<'filter'> {
  if (!isFault(cause) || cause.code !== 'STORE_UNAVAILABLE') throw cause
  return x.reply(503, 'STORE_UNAVAILABLE', { retryAfter: 1, cause })
}

/** A fetch gets the 401: a redirect would end on the login page's CORS error, or in the page's data. */
function unauthenticated(x: X, route: Route, { reader, login }: Guard, presented: Presented): Verdict<'filter'> {
  const url = login.for(x)
  const headers = reader.farewell(presented)
  if (route.on_unauthenticated === 'login' && isTopLevel(x))
    return x.reply(303, 'SESSION_REQUIRED', { headers: [...headers, 'Location', url, 'Cache-Control', 'no-store'] })
  const why = presented.kind === 'elsewhere' ? { reason: 'client_changed' } : {}
  return x.reply(401, 'SESSION_REQUIRED', { ...why, headers, members: { login_url: url } })
}

/** Not a frame inside somebody's page: the identity provider's login refuses to be framed. `empty`: a service worker passed it on. */
function isTopLevel(x: X): boolean {
  const kind = x.header('sec-fetch-dest')
  return isNavigation(x) && !x.upgrade && (kind === undefined || kind === 'document' || kind === 'empty')
}
