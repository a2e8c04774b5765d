// Who somebody is, as the browser may see it: standard claims (OIDC Core 5.1) of sane size, nothing of the protocol, nothing unlisted.

const identityClaims = [
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'picture', 'profile'],
  ...['email', 'email_verified', 'locale', 'zoneinfo', 'updated_at'],
]
const maxLength = 2_048

type UserClaims = Readonly<Record<string, unknown>> & { readonly sub: string }

export function userClaims(claims: Readonly<Record<string, unknown>>, sub: string): UserClaims {
  const names = identityClaims.filter(
    (name) => isPlain(claims[name]) && (!name.startsWith('email') || isEmail(claims.email)),
  )
  return { ...Object.fromEntries(names.map((name) => [name, claims[name]])), sub }
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' ? value.length <= maxLength : typeof value === 'number' || typeof value === 'boolean'
}

/** `a@evil@corp.com` is of two domains, and whoever asks for the domain picks one (oauth2-proxy CVE-2026-40574). */
function isEmail(value: unknown): boolean {
  return typeof value === 'string' && /^[^@\s]+@[^@\s]+$/.test(value)
}
