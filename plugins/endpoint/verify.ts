import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { escapedWord } from '../lib/header-word.ts'
import { noStore } from '../lib/login-parts.ts'
import { loginUrl } from '../lib/login-url.ts'
import { makeSessionReader, type Presented, type SessionReader } from '../lib/session-reader.ts'
import { sessionsShared } from '../lib/sessions.ts'
import { sections } from '../lib/settings.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** For an edge's forward-auth (nginx auth_request, Traefik forwardAuth): is there a session, and whose. */
export default defineEndpoint({
  name: 'verify',
  sections: { auth: sections.auth, session: sections.session },
  paths: () => [
    { id: 'auth-verify', path: '/auth/verify', methods, auth: 'none' },
    { id: 'auth-forward', path: '/auth/forward', methods, auth: 'none' },
  ],
  async setup(host) {
    const session = host.section('session')
    const sessions = await host.shared(sessionsShared, session)
    const reader = makeSessionReader(sessions, host.server, { auth: host.section('auth'), session })
    return () => async (x) => {
      try {
        return verdict(x, reader, host.server.public_url, await reader.read(x))
      } catch (cause) {
        return x.reply(503, 'STORE_UNAVAILABLE', { retryAfter: 1, cause })
      }
    }
  },
})

function verdict(x: Exchange, reader: SessionReader, publicUrl: string, presented: Presented): Reply {
  if (presented.kind !== 'session') {
    const members = { login_url: loginUrl(publicUrl, x) }
    return x.reply(401, 'SESSION_REQUIRED', { headers: reader.farewell(presented), members })
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
