import { Buffer } from 'node:buffer'
import type { Session } from './session.ts'

const known = new WeakMap<Session, string>()

/** Value of X-Original-User: `auth:account:{provider}:{sub}`. Worked out once a session. */
export function originalUser(session: Session): string {
  let value = known.get(session)
  if (value === undefined) {
    value = `auth:account:${escaped(session.provider)}:${escaped(session.sub)}`
    known.set(session, value)
  }
  return value
}

/** What is no visible ASCII, and what would make two users one for a backend that splits at `:` or `,`, or decodes `%`. */
const unsafe = /[^\x21-\x7e]|[%:,;"\\<>]/gu

function escaped(text: string): string {
  return text.replaceAll(unsafe, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
