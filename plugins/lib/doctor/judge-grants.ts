// Logins of the test user that bring nothing, and grants that a service has for itself.
import type { Idp, Params } from '../idp/idp.ts'
import type { TokenPlan } from '../token/token-plan.ts'
import type { Case } from './case.ts'
import { judgeMinted } from './judge-minted.ts'
import { mintOnce } from './judge-tokens.ts'
import { sayNotAsked, scopesNotAsked } from './requested-scopes.ts'
import { grantOf } from './test-grant.ts'
import type { TestUser } from './test-user.ts'

/** Where a service's scope is not asked for, a provider may refuse the login as a whole, and says no more than that. */
export function sayNoLogin(c: Case, plans: readonly TokenPlan[], user: TestUser, words: string): void {
  for (const service of c.services) c.state(service, 'token', 'no login')
  const lacking = plans.filter((plan) => scopesNotAsked(c, plan))
  for (const plan of lacking) sayNotAsked(c, plan)
  if (lacking.length > 0) return
  const message = `The test user ${user.name} could not be signed in: ${words}. Nothing was minted.`
  c.fault('login_refused', 'token', undefined, message)
}

/** As the login fetches it for the service alone; a user who is signed in there would not see a page. */
export async function judgeOwnGrant(c: Case, idp: Idp, base: Params, plan: TokenPlan, user: TestUser): Promise<void> {
  const { wish, minter } = plan
  if (c.findings.some((finding) => finding.severity === 'fault' && finding.subject === wish.service)) return
  const named = minter.authorization?.(wish) ?? []
  const resources = named.flatMap(([name, value]) => (name === 'resource' ? [value] : []))
  const scope = [...new Set([...c.host.section('auth').oauth_scopes, ...wish.scopes])].join(' ')
  const params: Params = [
    ...base.map(([name, value]): [string, string] => [name, name === 'scope' ? scope : value]),
    ...named.filter(([name]) => name !== 'resource').map(([name, value]): [string, string] => [name, value]),
  ]
  const grant = await grantOf(c, idp, params, resources, user)
  if ('words' in grant) {
    judgeMinted(c, plan, { kind: 'refused', reason: 'denied_by_idp', words: grant.words })
    return
  }
  judgeMinted(c, plan, minter.refuses(wish, grant) ?? (await mintOnce(plan, grant, idp)))
  if (grant.refreshToken !== undefined) await idp.revoke(grant.refreshToken).catch(() => {})
}
