import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { fromOtherSite, trustedOrigins } from '../lib/csrf.ts'
import { EdgeRequest } from '../lib/edge-request.ts'
import { escapedWord } from '../lib/header-word.ts'
import { noStore } from '../lib/login-parts.ts'
import { loginUrl } from '../lib/login-url.ts'
import { makeSessionReader, type Presented, type SessionReader } from '../lib/session-reader.ts'
import { sessionsShared } from '../lib/sessions.ts'
import { sections } from '../lib/settings.ts'
import { TrustedPeers } from '../lib/trusted-peers.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

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
    const publicUrl = host.server.public_url
    const publicHost = new URL(publicUrl).host
    const peers = new TrustedPeers(host.server.trusted_proxies)
    const origins = trustedOrigins(publicUrl, host.section('cors').allow_origins)
    const sessions = await host.shared(sessionsShared, session)
    const reader = makeSessionReader(sessions, host.server, { auth: host.section('auth'), session })
    return () => async (x) => {
      const asked = peers.trusts(x.client.ip) ? new EdgeRequest(x, publicHost) : x
      if (fromOtherSite(asked, origins)) return x.reply(403, 'CSRF_REJECTED', { detail: otherSite })
      try {
        return verdict(x, reader, await reader.read(x), loginUrl(publicUrl, asked))
      } catch (cause) {
        return x.reply(503, 'STORE_UNAVAILABLE', { retryAfter: 1, cause })
      }
    }
  },
})

const otherSite =
  'A page of another site sent the request that is asked about. What changes something must come from this origin.'

function verdict(x: Exchange, reader: SessionReader, presented: Presented, login_url: string): Reply {
  if (presented.kind !== 'session') {
    // nginx cannot read a body: with the address in a header, `error_page 401 =303 $login` can send people there.
    const headers = [...reader.farewell(presented), 'Location', login_url, ...noStore]
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
