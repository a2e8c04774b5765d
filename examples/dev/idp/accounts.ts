import type { Account } from 'oidc-provider'

interface Person {
  readonly password: string
  readonly name: string
  readonly email: string
}

/** Everybody who can sign in. Passwords in source: one more reason why this provider is for development only. */
const people = new Map<string, Person>([
  ['ada', { password: 'ada', name: 'Ada Lovelace', email: 'ada@example.com' }],
  ['bob', { password: 'bob', name: 'Bob Kahn', email: 'bob@example.com' }],
])

export const names: readonly string[] = [...people.keys()]

export function passwordFits(name: string, password: string): boolean {
  return people.get(name)?.password === password
}

/** For oidc-provider's `findAccount`. Undefined: no such person, so tokens of somebody removed stop working. */
export function findAccount(_ctx: unknown, sub: string): Account | undefined {
  const person = people.get(sub)
  if (person === undefined) return undefined
  const { name, email } = person
  return { accountId: sub, claims: () => ({ sub, name, preferred_username: sub, email, email_verified: true }) }
}
