import { defineEndpoint, type Exchange, type Log, type Reply } from '../../core/index.ts'
import type { KeySet } from '../lib/bearer/key-set.ts'
import { KeysUnavailable, keySetShared } from '../lib/bearer/key-set.ts'
import { idpSettings } from '../lib/idp/idp.ts'
import { classify } from '../lib/idp/idp-errors.ts'
import { type AuthParts, authParts, loginSections, noStore, storeAway } from '../lib/login/login-parts.ts'
import { type RateCounter, rateCounters } from '../lib/rate-counter.ts'
import { makeSessionEnder, type SessionEnder } from '../lib/session/end-sessions.ts'
import { type LogoutToken, LogoutTokenUnfit, maxLogoutTokenAge, readLogoutToken } from '../lib/session/logout-token.ts'
import { openStore } from '../lib/session/open-store.ts'
import type { SessionStore } from '../lib/session/session-store.ts'
import { ringOf } from '../lib/session/sessions.ts'
import { sha256 } from '../lib/util/random-id.ts'

/** A logout token has a KiB or two. */
const maxBody = 32 * 1024
/** Whoever floods this with tokens of their own making gets no more than so many signatures checked at a time. */
const maxUnderWay = 32
/**
 * And an address that has sent so many bad ones is not listened to for the rest of the span. Good ones are never counted: a provider that
 * ends thousands of sessions at once is told 200 thousands of times.
 */
const refusals = { points: 100, duration: 10_000, max_keys: 10_000 }

interface Parts extends Pick<AuthParts, 'idp' | 'addressOf'> {
  readonly keys: KeySet
  readonly ender: SessionEnder
  readonly store: SessionStore
  readonly log: Log
  readonly refused: RateCounter
  underWay: number
}

/** The identity provider says, server to server, that a session of its own ended (OpenID Connect Back-Channel Logout 1.0). */
export default defineEndpoint({
  name: 'backchannel-logout',
  sections: loginSections,
  paths: () => [{ id: 'auth-backchannel-logout', path: '/auth/backchannel-logout', methods: ['POST'], auth: 'none' }],
  async setup(host) {
    const { bridge, idp, log, addressOf } = (await authParts(host)).first
    const session = host.section('session')
    const store = await openStore(host, session.store)
    const keys = await host.shared(keySetShared, idpSettings(host.section('auth')))
    const ender = makeSessionEnder(store, ringOf(session), bridge.sessions)
    const [refused] = await host.shared(rateCounters, { limits: [refusals] })
    const parts: Parts = { idp, keys, ender, store, log, addressOf, refused: refused!, underWay: 0 }
    return () => (x) => logout(x, parts)
  },
})

async function logout(x: Exchange, parts: Parts): Promise<Reply> {
  const closed = await parts.refused.closedFor(parts.addressOf(x))
  if (closed > 0) {
    const detail = 'Too many logout tokens from this address were refused.'
    return x.reply(429, 'RATE_LIMITED', { retryAfter: Math.ceil(closed / 1000), detail })
  }
  const token = await postedToken(x)
  if (token === undefined) return refused(x, 'send one logout_token, as application/x-www-form-urlencoded', parts)
  // Only now: who sends a body byte by byte takes no place from the identity provider.
  if (parts.underWay >= maxUnderWay) return x.reply(503, 'OVERLOADED', { retryAfter: 1 })
  parts.underWay++
  try {
    return await judged(x, token, parts)
  } finally {
    parts.underWay--
  }
}

async function judged(x: Exchange, token: string, parts: Parts): Promise<Reply> {
  let claims: LogoutToken
  try {
    claims = await readLogoutToken(token, await checksOf(parts))
  } catch (error) {
    if (error instanceof LogoutTokenUnfit) return refused(x, error.message, parts)
    const cause = error instanceof KeysUnavailable ? error.cause : error
    parts.log.warn({ issuer: parts.idp.issuer, error: classify(cause).words }, 'idp_unavailable')
    return x.reply(503, 'IDP_UNAVAILABLE', { retryAfter: 1, cause })
  }
  try {
    return await end(x, claims, parts)
  } catch (cause) {
    return storeAway(x, cause)
  }
}

async function postedToken(x: Exchange): Promise<string | undefined> {
  const [type = ''] = (x.header('content-type') ?? '').split(';')
  if (type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return undefined
  const form = new URLSearchParams(new TextDecoder().decode(await x.body.bytes(maxBody)))
  const tokens = form.getAll('logout_token')
  return tokens.length === 1 && tokens[0] !== '' ? tokens[0] : undefined
}

async function checksOf({ idp, keys }: Parts) {
  const { issuer, id_token_signing_alg_values_supported: algorithms = [] } = await idp.metadata()
  return { key: keys.key, issuer, clientId: idp.clientId, algorithms }
}

/** Remembered only once the sessions are gone: a store that fails in between must not make the provider's second try a replay. */
async function end(x: Exchange, { issuer, jti, sub, sid }: LogoutToken, { ender, store, log }: Parts): Promise<Reply> {
  const key = `j:${sha256(`${issuer.length}:${issuer}${jti}`)}`
  if ((await store.get(key)) !== undefined) return said(x, 'this logout token came before (jti)')
  const sessions = await ender.end({ issuer, sub, sid }, 'logout')
  const ttl = 2 * maxLogoutTokenAge * 1_000
  await store.put(key, new Uint8Array([1]), { expect: null, ttl })
  log.info({ issuer, sessions, correlation_id: x.id }, 'backchannel_logout')
  return x.reply(200, 'OK', { headers: noStore, body: '' })
}

async function refused(x: Exchange, why: string, { idp, log, refused: counter, addressOf }: Parts): Promise<Reply> {
  await counter.take(addressOf(x))
  log.warn({ issuer: idp.issuer, error: why, correlation_id: x.id }, 'backchannel_logout_refused')
  return said(x, why)
}

/** RFC 6749's form of an error, which the specification asks for (section 2.8). */
function said(x: Exchange, why: string): Reply {
  const body = JSON.stringify({ error: 'invalid_request', error_description: why })
  return x.reply(400, 'BAD_REQUEST', { headers: ['Content-Type', 'application/json', ...noStore], body, detail: why })
}
