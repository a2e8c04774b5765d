import { defineEndpoint, type Exchange, type Reply } from '../../core/index.ts'
import { authParts, loginSections, noStore, storeAway } from '../lib/login/login-parts.ts'
import { makeSessionEnder } from '../lib/session/end-sessions.ts'
import { openStore } from '../lib/session/open-store.ts'
import { ringOf } from '../lib/session/sessions.ts'

/**
 * The identity provider's logout page loads this in a hidden frame (OpenID Connect Front-Channel Logout 1.0). A Strict cookie does not come
 * with it, so that the session is found by its `sid`, which nobody but the two servers and this user has seen.
 */
export default defineEndpoint({
  name: 'frontchannel-logout',
  sections: loginSections,
  paths: () => [{ id: 'auth-frontchannel-logout', path: '/auth/frontchannel-logout', methods: ['GET'], auth: 'none' }],
  async setup(host) {
    const { bridge, idp, log } = (await authParts(host)).first
    const session = host.section('session')
    const store = await openStore(host, session.store)
    const ender = makeSessionEnder(store, ringOf(session), bridge.sessions)
    const headers = framed(new URL(idp.issuer).origin)
    return () => async (x) => {
      const sid = sidOf(x, idp.issuer)
      if (sid === undefined)
        return x.reply(400, 'BAD_REQUEST', {
          detail: 'Wants iss and sid, once each: register the client with frontchannel_logout_session_required.',
        })
      try {
        const sessions = await ender.end({ issuer: idp.issuer, sid }, 'logout')
        log.info({ issuer: idp.issuer, sessions, correlation_id: x.id }, 'frontchannel_logout')
        return page(x, headers)
      } catch (cause) {
        return storeAway(x, cause)
      }
    }
  },
})

function sidOf(x: Exchange, issuer: string): string | undefined {
  const query = new URLSearchParams(x.query)
  const [issuers, sids] = [query.getAll('iss'), query.getAll('sid')]
  const fits = issuers.length === 1 && sids.length === 1 && bare(issuers[0]!) === bare(issuer)
  return fits && sids[0] !== '' ? sids[0] : undefined
}

function bare(issuer: string): string {
  return issuer.replace(/\/$/, '')
}

function page(x: Exchange, headers: readonly string[]): Reply {
  return x.reply(200, 'OK', { headers: [...headers], body: '<!doctype html><title>Signed out</title>' })
}

/** Framed by the identity provider, and by nobody else. */
function framed(origin: string): readonly string[] {
  const policy = `default-src 'none'; frame-ancestors ${origin}`
  return ['Content-Type', 'text/html; charset=utf-8', 'Content-Security-Policy', policy, ...noStore]
}
