import type { Shared } from '../../../core/index.ts'
import type { Session, Sessions, StoredToken } from '../session/session.ts'
import { sessionsShared } from '../session/sessions.ts'
import type { SessionSettings } from '../settings/settings.ts'
import type { Credential } from '../upstream/upstream.ts'
import type { Clock } from '../util/clock.ts'
import type { TokenPlan } from './token-plan.ts'

/** What a service's 401 said, and whether the request can be sent once more. */
interface TokenRefused {
  readonly service: string
  readonly credential: Credential
  readonly challenge: string | undefined
  readonly replayable: boolean
}

/** Another token than the one a service refused. Undefined: the service's answer stands. */
export type TokenRenewal = (session: Session, refused: TokenRefused) => Promise<Credential | undefined> | undefined

/** Where forward, which knows no identity provider, finds who does: the broker of the newest generation. */
export class TokenRenewals {
  readonly #sessions: Pick<Sessions, 'over'>
  readonly #offers: TokenRenewal[] = []

  constructor(sessions: Pick<Sessions, 'over'>) {
    this.#sessions = sessions
  }

  /** Once a logout was answered, nothing more is sent. */
  over(session: Session): boolean {
    return this.#sessions.over(session)
  }

  /** The answer takes it back. */
  offer(renewal: TokenRenewal): () => void {
    this.#offers.push(renewal)
    return () => void this.#offers.splice(this.#offers.indexOf(renewal), 1)
  }

  another(session: Session, refused: TokenRefused): Promise<Credential | undefined> | undefined {
    return this.#offers.at(-1)?.(session, refused)
  }
}

/** Of one kind of sessions. */
export const tokenRenewalsShared: Shared<SessionSettings, TokenRenewals> = {
  name: 'token-renewals',
  open: async (settings, host) => new TokenRenewals(await host.shared(sessionsShared, settings)),
}

/** A service that always says 401 must not cost a mint a request. */
const pause = 30_000

/** Which sessions' tokens a service refused of late. */
export class TokenRefusals {
  readonly #until = new WeakMap<Session, Map<string, number>>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether another token is worth asking for; true once in a while. */
  first(session: Session, service: string): boolean {
    const services = this.#until.get(session) ?? new Map<string, number>()
    this.#until.set(session, services)
    const now = this.#clock.now()
    if (now < (services.get(service) ?? 0)) return false
    services.set(service, now + pause)
    return true
  }
}

/** What was sent, never the token; of the service's words only the code (RFC 6750 section 3.1): the rest may quote the token. */
export function refusedFields(
  { service, credential, challenge, replayable }: TokenRefused,
  { wish, check }: TokenPlan,
  held: StoredToken | undefined,
  now: number,
) {
  const error = /\berror="([\w-]{1,60})"/.exec(challenge ?? '')?.[1]
  return {
    service,
    audience: check.audience,
    scopes: wish.scopes,
    fingerprint: credential.fingerprint,
    ...(held === undefined ? {} : { age: Math.round((now - held.mintedAt) / 1000) }),
    expires_in: Math.round((credential.expiresAt - now) / 1000),
    ...(error === undefined ? {} : { error }),
    retried: replayable,
  }
}
