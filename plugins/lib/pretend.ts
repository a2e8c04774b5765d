// What stands for a session and a token in `bascule explain`: nobody signed in, nothing was minted.
import type { Session } from './session/session.ts'
import type { Credential } from './upstream/upstream.ts'

export function pretendSession(issuer: string): Session {
  const sub = 'someone'
  const session = {
    hash: 'explained',
    sub,
    issuer,
    provider: new URL(issuer).hostname,
    user: { sub },
    authTime: 0,
    endsAt: 0,
  }
  return { ...session, toJSON: () => 'a session of someone' } as Session
}

export function pretendCredential(audience: string): Credential {
  const credential: Credential = {
    fingerprint: 'explained',
    audience,
    expiresAt: 0,
    headers: () => ['Authorization', `Bearer (a token for ${audience})`],
  }
  return { ...credential, toJSON: () => `a token for ${audience}` } as Credential
}
