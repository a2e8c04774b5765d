import { idpSettings, idpShared } from '../idp/idp.ts'
import { type TokenPlan, tokenPlan } from '../token/token-plan.ts'
import type { Case } from './case.ts'
import { judgeDiscovery } from './judge-discovery.ts'
import { judgeOwnGrant, sayNoLogin } from './judge-grants.ts'
import { judgeLogin, judgeResources, loginBase } from './judge-login.ts'
import { judgeTokens } from './judge-tokens.ts'
import { grantOf } from './test-grant.ts'
import type { TestUser } from './test-user.ts'

/** What the identity provider itself says, from its metadata to a token for each service. */
export async function judgeLive(c: Case): Promise<void> {
  const metadata = await judgeDiscovery(c)
  if (metadata === undefined) return
  const auth = c.host.section('auth')
  const idp = await c.host.shared(idpShared, idpSettings(auth))
  const plans: TokenPlan[] = []
  for (const token of c.tokens.values()) plans.push(tokenPlan(token, await c.host.use('minter', token.mint), auth))
  const base = loginBase(c, plans)
  if (!(await judgeLogin(c, idp, metadata, base))) return
  const resources = await judgeResources(c, idp, base, plans)
  const user = testUser(c)
  if (user === undefined) return judgeTokens(c, idp, plans)
  const grant = await grantOf(c, idp, base, resources, user)
  if ('words' in grant) return sayNoLogin(c, plans, user, grant.words)
  await judgeTokens(c, idp, plans, grant)
  for (const plan of plans) if (plan.minter.authorization !== undefined) await judgeOwnGrant(c, idp, base, plan, user)
}

/** `--as NAME`, with the password beside the command line, which every user of the machine can read. */
function testUser(c: Case): TestUser | undefined {
  const { as } = c.host.flags
  if (typeof as !== 'string') return undefined
  const at = as.indexOf(':')
  if (at > 0) return { name: as.slice(0, at), password: as.slice(at + 1) }
  return { name: as, password: c.host.env.BASCULE_DOCTOR_PASSWORD ?? '' }
}
