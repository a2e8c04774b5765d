import t from 'tap'
import type { Grant } from '../../../plugins/lib/token/minter.ts'
import scope from '../../../plugins/minter/scope.ts'
import { minterContract } from '../../../plugins/testing/index.ts'
import { contractTest } from '../../kit/contract-test.ts'
import { opened, stand } from '../lib/token/broker-kit.ts'

const open = () => opened(scope)
const wish = { service: 'analytics', audience: 'api://analytics', scopes: ['api://analytics/.default'] }
const grant: Grant = { refreshToken: 'R0', grantedScopes: 'openid', grantedResources: [] }

minterContract({ open, wish, grant }, { test: contractTest(t), name: 'scope' })

t.test('asks with the scopes of the one service, granted at login or not', async (t) => {
  const guid = '11111111-2222-3333-4444-555555555555'
  const { broker, session, idp } = await stand({ minter: await open(), wishes: [wish], check: { audience: guid } })
  idp.instead = async (asked) => ({ ...(await idp.give(asked, { aud: guid })), scope: 'api://analytics/Read' })
  t.match(await broker.credential(session, 'analytics'), { audience: wish.audience })
  t.same(idp.asked[0]?.params, { scope: 'api://analytics/.default' })
})

t.test('a service without scopes cannot be told from another one', async (t) => {
  t.match((await open()).refuses({ ...wish, scopes: [] }, grant), { reason: 'not_mintable' })
})
