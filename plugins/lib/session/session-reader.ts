// From a request's cookie to its session, for the stage that demands one and the endpoints that only ask.
import type { Exchange, RawHeaders } from '../../../core/index.ts'
import type { AuthSettings, SessionSettings } from '../settings/settings.ts'
import { type BoundClient, clientBinding } from './client-binding.ts'
import { ambiguous, type CookieSpec, cookieOf, deleteCookie, sessionCookie } from './cookies.ts'
import type { Session, Sessions } from './session.ts'

/**
 * `dead`: a cookie that opens nothing; the browser is told to drop it. `attack`: two of them. `elsewhere`: a session that is bound to
 * another client; it goes on there, and whoever copied its cookie cannot end it.
 */
export type Presented =
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'none' }
  | { readonly kind: 'dead' }
  | { readonly kind: 'attack' }
  | { readonly kind: 'elsewhere' }

type Asking = Pick<Exchange, 'rawHeaders' | 'header' | 'headerAll' | 'client'>

export interface SessionReader {
  readonly cookie: CookieSpec
  /** Without a promise where the store answers so. Rejects, or throws, where the store is away. */
  read(x: Asking): Presented | Promise<Presented>
  /** What a session opened now is bound to. */
  clientOf(x: Asking): BoundClient | undefined
  /** Headers that make the browser drop what it presented. */
  farewell(presented: Presented): RawHeaders
}

const none: Presented = { kind: 'none' }
const dead: Presented = { kind: 'dead' }
const attack: Presented = { kind: 'attack' }
const elsewhere: Presented = { kind: 'elsewhere' }

/** For requests to one of our origins. */
export function makeSessionReader(
  sessions: Sessions,
  { origin, trustedProxies }: { readonly origin: string; readonly trustedProxies: readonly string[] },
  settings: { readonly auth: AuthSettings; readonly session: SessionSettings },
): SessionReader {
  const cookie = sessionCookie(origin, settings.session)
  const issuer = bare(settings.auth.issuer)
  const binding = clientBinding(settings.session.bind, trustedProxies)

  /** A session of another identity provider is none: its tokens would go to the wrong one. Nor is one that was opened at another origin. */
  const judge = (session: Session | undefined, x: Asking): Presented => {
    if (session === undefined || bare(session.issuer) !== issuer) return dead
    const data = sessions.secretsOf(session)
    if (data.origin !== origin) return dead
    if (binding !== undefined && data.client !== undefined && !binding.fits(data.client, x)) return elsewhere
    if (data.browser !== undefined) sessions.claim(session)
    return { kind: 'session', session }
  }

  return {
    cookie,
    read(x) {
      const id = cookieOf(x.rawHeaders, cookie.name)
      if (id === undefined) return none
      if (id === ambiguous) return attack
      const found = sessions.open(id)
      return found instanceof Promise ? found.then((late) => judge(late, x)) : judge(found, x)
    },
    clientOf: (x) => binding?.of(x),
    farewell: ({ kind }) => (kind === 'dead' || kind === 'attack' ? deleteCookie(cookie) : []),
  }
}

/** At a Host that is none of our origins: whatever cookie comes, nobody is signed in, and the browser is told nothing of it. */
export const noSessions: Pick<SessionReader, 'read' | 'farewell'> = { read: () => none, farewell: () => [] }

function bare(issuer: string): string {
  return issuer.endsWith('/') ? issuer.slice(0, -1) : issuer
}
