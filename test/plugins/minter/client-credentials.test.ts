import t from 'tap'
import type { Grant } from '../../../plugins/lib/token/minter.ts'
import clientCredentials from '../../../plugins/minter/client-credentials.ts'
import { minterContract } from '../../../plugins/testing/index.ts'
import { contractTest } from '../../kit/contract-test.ts'
import { issuer, jwt, oauthError, opened, stand } from '../lib/token/broker-kit.ts'

const open = () => opened(clientCredentials)
const audience = 'https://analytics.test'
const wish = { service: 'analytics', audience, scopes: ['api.read'] }
const grant: Grant = { grantedScopes: '', grantedResources: [] }

minterContract({ open, wish, grant, from: 'client' }, { test: contractTest(t), name: 'client-credentials' })

t.test('one token serves every session until it wears out', async (t) => {
  const minter = await open()
  const made = await stand({ minter, wishes: [wish], data: { grantedScopes: '' } })
  let n = 0
  const asked: object[] = []
  made.idp.grant = async (type, params) => {
    asked.push({ type, ...params })
    return { accessToken: jwt({ iss: issuer, aud: audience, n: n++ }), expiresAt: Date.now() + 300_000 }
  }
  const other = await made.sessions.create({ ...made.sessions.secretsOf(made.session), sub: 'bob' })
  const tokens = await Promise.all(
    [made.session, other.session, made.session].map((session) => made.broker.credential(session, 'analytics')),
  )
  t.same(asked, [{ type: 'client_credentials', resource: audience, scope: 'api.read' }])
  t.equal(new Set(tokens.map(String)).size, 1)
  t.equal(made.idp.asked.length, 0, 'no refresh token was spent')
})

t.test("a token of another client, or of another issuer, is nobody's after a reload", async (t) => {
  const minter = await open()
  const { idp } = await stand({ minter, wishes: [wish] })
  let n = 0
  idp.grant = async () => ({ accessToken: `token ${n++}`, expiresAt: Date.now() + 300_000 })
  const minted = async (issuer: string, clientId: string) => {
    const { refresh, grant: ask } = idp
    const got = await minter.mint(wish, grant, { issuer, clientId, refresh, grant: ask })
    return got.kind === 'token' ? got.token : got.kind
  }
  t.equal(await minted(issuer, 'one'), 'token 0')
  t.equal(await minted(issuer, 'two'), 'token 1')
  t.equal(await minted('https://other.test', 'two'), 'token 2')
  t.equal(await minted(issuer, 'one'), 'token 0')
})

t.test('a refusal is not kept from the next one who asks, and costs no session', async (t) => {
  const minter = await open()
  const { broker, session, idp } = await stand({ minter, wishes: [wish] })
  idp.grant = () => Promise.reject(oauthError('invalid_grant'))
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'denied_by_idp' })
  idp.grant = async () => ({ accessToken: jwt({ iss: issuer, aud: audience }), expiresAt: Date.now() + 300_000 })
  t.match(await minter.mint(wish, grant, idp), { kind: 'token' })
})
