import type { TokenPlan } from '../token/token-plan.ts'
import type { Case } from './case.ts'
import { scopesText } from './judge-settings.ts'

/** Minters whose tokens have no scopes but the login's. */
const byLogin = new Set(['login', 'resource', 'audience'])

/** Whether the service wants scopes, and the login asks for none of them. */
export function scopesNotAsked(c: Case, { wish }: TokenPlan): boolean {
  const { oauth_scopes: login } = c.host.section('auth')
  return (
    byLogin.has(c.mintOf(wish.service)) && wish.scopes.length > 0 && !wish.scopes.some((one) => login.includes(one))
  )
}

export function sayNotAsked(c: Case, { wish: { service, scopes } }: TokenPlan): void {
  const { oauth_scopes: login } = c.host.section('auth')
  c.state(service, 'settings', 'scope')
  const message = `service_scopes wants ${scopes.join(' ')} for ${service}, which the login does not ask for (oauth_scopes), so it is not granted.`
  c.fault('scope_not_asked', 'settings', service, message, {
    place: c.setting(['auth', 'oauth_scopes']),
    change: { edit: 'replace', text: scopesText([...login, ...scopes]) },
  })
}
