import t from 'tap'
import type { Grant } from '../../../plugins/lib/token/minter.ts'
import audience from '../../../plugins/minter/audience.ts'
import { minterContract } from '../../../plugins/testing/index.ts'
import { contractTest } from '../../kit/contract-test.ts'
import { opened, stand } from '../lib/token/broker-kit.ts'

const open = () => opened(audience)
const wish = { service: 'analytics', audience: 'https://analytics.test', scopes: ['read'] }
const grant: Grant = { refreshToken: 'R0', grantedScopes: 'openid read', grantedResources: [] }

minterContract({ open, wish, grant }, { test: contractTest(t), name: 'audience' })

t.test('asks for the audience by its name, with the scopes and parameters of the service', async (t) => {
  const params = { organization: 'org_1' }
  const wishes = [{ ...wish, params, tokenEndpoint: 'https://idp.test/elsewhere' }]
  const { broker, session, idp } = await stand({ minter: await open(), wishes, data: { grantedScopes: 'read' } })
  idp.instead = (asked) => idp.give(asked, { aud: wish.audience })
  t.match(await broker.credential(session, 'analytics'), { audience: wish.audience })
  t.same(idp.asked[0]?.params, { audience: wish.audience, scope: 'read', ...params })
})

t.test('the default audience, silently given instead, is not kept', async (t) => {
  const { broker, session, idp, sessions } = await stand({ minter: await open() })
  idp.instead = (asked) => idp.give(asked, { aud: ['https://default.test', 'https://idp.test/userinfo'] })
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'audience_mismatch' })
  t.notOk(JSON.stringify(sessions.secretsOf(session).services).includes('"token"'))
})
