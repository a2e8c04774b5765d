import { escapedPart } from './header-word.ts'

/** A session, or the bearer of an access token. */
interface Somebody {
  readonly provider: string
  readonly sub: string
}

const known = new WeakMap<Somebody, string>()

/** Value of X-Original-User: `auth:account:{provider}:{sub}`. Worked out once a session, or a token. */
export function originalUser(who: Somebody): string {
  let value = known.get(who)
  if (value === undefined) {
    value = `auth:account:${escapedPart(who.provider)}:${escapedPart(who.sub)}`
    known.set(who, value)
  }
  return value
}
