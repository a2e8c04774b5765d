import { escapedPart } from './header-word.ts'
import type { Session } from './session.ts'

const known = new WeakMap<Session, string>()

/** Value of X-Original-User: `auth:account:{provider}:{sub}`. Worked out once a session. */
export function originalUser(session: Session): string {
  let value = known.get(session)
  if (value === undefined) {
    value = `auth:account:${escapedPart(session.provider)}:${escapedPart(session.sub)}`
    known.set(session, value)
  }
  return value
}
