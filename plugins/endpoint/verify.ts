import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { fromOtherSite, trustedOrigins } from '../lib/http/csrf.ts'
import { EdgeRequest } from '../lib/http/edge-request.ts'
import { escapedWord } from '../lib/http/header-word.ts'
import { PublicOrigins } from '../lib/http/public-origins.ts'
import { TrustedPeers } from '../lib/http/trusted-peers.ts'
import { noStore, storeAway } from '../lib/login/login-parts.ts'
import { LoginUrl } from '../lib/login/login-url.ts'
import { makeSessionReader, noSessions, type Presented, type SessionReader } from '../lib/session/session-reader.ts'
import { sessionsShared } from '../lib/session/sessions.ts'
import { sections } from '../lib/settings/settings.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

interface Place {
  readonly origin: string
  readonly trusted: ReadonlySet<string>
  readonly login: LoginUrl
  readonly reader: Pick<SessionReader, 'read' | 'farewell'>
}

/** For an edge's forward-auth (nginx auth_request, Traefik forwardAuth): is there a session, and whose. */
export default defineEndpoint({
  name: 'verify',
  sections: { auth: sections.auth, session: sections.session, cors: sections.cors },
  paths: () => [
    { id: 'auth-verify', path: '/auth/verify', methods, auth: 'none' },
    { id: 'auth-forward', path: '/auth/forward', methods, auth: 'none' },
  ],
  async setup(host) {
    const session = host.section('session')
    const trustedProxies = host.server.trusted_proxies
    const peers = new TrustedPeers(trustedProxies)
    const allowed = host.section('cors').allow_origins
    const sessions = await host.shared(sessionsShared, session)
    const places = new PublicOrigins(host.server).map(
      (origin): Place => ({
        origin,
        trusted: trustedOrigins(origin, allowed),
        login: new LoginUrl(origin, allowed),
        reader: makeSessionReader(sessions, { origin, trustedProxies }, { auth: host.section('auth'), session }),
      }),
    )
    const nowhere = { ...places.first, reader: noSessions }
    return () => async (x) => {
      const { origin, trusted, login, reader } = places.of(x) ?? nowhere
      const asked = peers.trusts(x.client.ip) ? new EdgeRequest(x, origin) : x
      if (fromOtherSite(asked, trusted)) return x.reply(403, 'CSRF_REJECTED', { detail: otherSite })
      try {
        return verdict(x, reader, await reader.read(x), login.for(asked))
      } catch (cause) {
        return storeAway(x, cause)
      }
    }
  },
})

const otherSite =
  'A page of another site sent the request that is asked about. What changes something must come from this origin.'

function verdict(x: Exchange, reader: Place['reader'], presented: Presented, login_url: string): Reply {
  if (presented.kind !== 'session') {
    // nginx cannot read a body: with the address in a header, `error_page 401 =303 $login` can send people there.
    const headers = [...reader.farewell(presented), 'Location', login_url]
    return x.reply(401, 'SESSION_REQUIRED', { headers, members: { login_url } })
  }
  const { sub, hash, authTime } = presented.session
  const headers = [
    'X-User-ID',
    escapedWord(sub),
    'X-Session-ID',
    hash,
    'X-Auth-Time',
    String(Math.floor(authTime / 1000)),
  ]
  return x.reply(200, 'OK', { headers: [...headers, ...noStore], body: '' })
}
