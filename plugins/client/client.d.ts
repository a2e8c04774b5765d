/** What `/auth/client.js` exports. Import it from the bridge: `import { fetch, user } from '/auth/client.js'`. */

/** State of one service's token, as `/auth/session` tells it. */
export interface ServiceState {
  readonly audience: string | null
  readonly state: 'ready' | 'mintable' | 'step_up' | 'misconfigured'
  /** ISO 8601; null while there is no token. */
  readonly expires_at: string | null
  readonly reason?: string
}

/** Who is signed in: the claims of the id token, and of userinfo where `auth.userinfo` is on. */
export interface User extends Readonly<Record<string, unknown>> {
  readonly sub: string
}

/** What `/auth/session` answers. */
export type SessionState =
  | { readonly authenticated: false }
  | {
      readonly authenticated: true
      readonly user: User
      /** ISO 8601: the absolute end; an idle session ends sooner. */
      readonly expires_at: string
      readonly services_count: number
      readonly services: Readonly<Record<string, ServiceState>>
    }

/** RFC 9457, as the bridge sends it. */
export interface Problem {
  readonly code: string
  readonly status: number
  readonly detail?: string
  readonly service?: string
  readonly reason?: string
  /** Where to go for a session, or for a token that the session lacks. */
  readonly login_url?: string
}

/** Event type → what its listener finds in `detail`. */
export interface ClientEvents {
  'signed-in': SessionState
  /** Once, however many requests failed. `reason: logout` where somebody signed out, in this tab or another. */
  'signed-out': Partial<Problem> & { readonly reason?: string }
  /** The session is good, but a service wants a new login: go to `login_url`. */
  'step-up': Problem
}

/** Returns what ends it. */
export function on<K extends keyof ClientEvents>(
  type: K,
  listener: (event: CustomEvent<ClientEvents[K]>) => void,
): () => void

/** Rejects where the bridge does not answer. */
export function session(): Promise<SessionState>
/** The user of `session()`; null where nobody is signed in. */
export function user(): Promise<User | null>
/** Leaves the page. `returnTo` is a path of the page's origin; `url` is a problem's `login_url`. */
export function login(options?: { readonly returnTo?: string; readonly url?: string }): void
/** Resolves with where the identity provider ends its own session, and goes there unless `redirect` is false. */
export function logout(options?: { readonly redirect?: boolean }): Promise<string>
/** As the browser's own, to the bridge's origin only: a relative address is one of the bridge. */
export function request(input: string | URL | Request, init?: RequestInit): Promise<Response>
export { request as fetch }
