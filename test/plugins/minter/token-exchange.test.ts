import t from 'tap'
import type { Grant } from '../../../plugins/lib/token/minter.ts'
import exchange from '../../../plugins/minter/token-exchange.ts'
import { minterContract } from '../../../plugins/testing/index.ts'
import { contractTest } from '../../kit/contract-test.ts'
import { issuer, jwt, oauthError, opened, quiet, stand } from '../lib/token/broker-kit.ts'

const open = () => opened(exchange)
const audience = 'analytics-client'
const wish = { service: 'analytics', audience, scopes: [] as readonly string[] }
const access = { token: jwt({ iss: issuer, aud: 'bff' }), expiresAt: Date.now() + 300_000 }
const grant: Grant = { refreshToken: 'R0', access, grantedScopes: 'openid', grantedResources: [] }

minterContract({ open, wish, grant, from: 'access' }, { test: contractTest(t), name: 'token-exchange' })

async function exchanging(data: object = { access }) {
  const made = await stand({
    minter: await open(),
    wishes: [wish, { ...wish, service: 'crud', audience: 'crud-client' }],
    data,
  })
  const subjects: (string | undefined)[] = []
  made.idp.grant = async (type, params) => {
    t.equal(type, 'urn:ietf:params:oauth:grant-type:token-exchange')
    subjects.push(params.subject_token)
    return {
      accessToken: jwt({ iss: issuer, aud: params.audience }),
      expiresAt: made.clock.wall() + 300_000,
      issuedTokenType: 'urn:ietf:params:oauth:token-type:access_token',
    }
  }
  return { ...made, subjects }
}

t.test("exchanges the login's token, and the refresh token is left alone while that lives", async (t) => {
  const { broker, session, idp, subjects } = await exchanging()
  const [one, two] = await Promise.all(['analytics', 'crud'].map((name) => broker.credential(session, name)))
  t.match(one, { audience })
  t.match(two, { audience: 'crud-client' })
  t.same(subjects, [access.token, access.token])
  t.equal(idp.asked.length, 0)
})

t.test('an expired login token is renewed once for all who wait, and kept', async (t) => {
  const { broker, session, sessions, idp, subjects } = await exchanging({ access: { ...access, expiresAt: 1 } })
  const got = await Promise.all(['analytics', 'crud', 'crud'].map((name) => broker.credential(session, name)))
  for (const one of got) t.notMatch(one, { kind: /./ })
  t.equal(idp.asked.length, 1)
  t.same(idp.asked[0]?.params, {}, 'a refresh for the login itself')
  t.equal(sessions.secretsOf(session).refreshToken, 'R1')
  t.equal(subjects.length, 2)
  t.equal(subjects[0], sessions.secretsOf(session).access?.token)
})

t.test('a login token that was revoked early is renewed, and the exchange asked once more', async (t) => {
  const { broker, session, idp, subjects } = await exchanging()
  const exchangeNow = idp.grant
  idp.grant = (type, params) =>
    params.subject_token === access.token ? Promise.reject(oauthError('invalid_grant')) : exchangeNow(type, params)
  t.match(await broker.credential(session, 'analytics'), { audience })
  t.equal(idp.asked.length, 1)
  t.equal(subjects.length, 1)
  idp.grant = () => Promise.reject(oauthError('invalid_grant'))
  t.match(
    await broker.credential(session, 'crud'),
    { kind: 'refused', reason: 'denied_by_idp' },
    'and no session is lost',
  )
  await quiet()
})

t.test('an answer of another type is not passed on as an access token', async (t) => {
  const { broker, session, idp } = await exchanging()
  const good = idp.grant
  idp.grant = async (type, params) => ({
    ...(await good(type, params)),
    issuedTokenType: 'urn:ietf:params:oauth:token-type:id_token',
  })
  t.match(await broker.credential(session, 'analytics'), { reason: 'wrong_token_type' })
})

t.test('what is refused to one service is refused to that one', async (t) => {
  const { broker, session, idp, log } = await exchanging()
  const good = idp.grant
  idp.grant = (type, params) =>
    params.audience === audience
      ? Promise.reject(Object.assign(oauthError('invalid_target'), { error_description: 'no such client' }))
      : good(type, params)
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'denied_by_idp' })
  t.match(await broker.credential(session, 'crud'), { audience: 'crud-client' })
  t.match(log.find('service_token_denied service=analytics')?.fields.error, /no such client/)
})

t.test('names the service by resource where the identity provider goes by that', async (t) => {
  const minter = await opened(exchange, { by: 'resource', requested_token_type: null })
  const seen: object[] = []
  const never = () => Promise.reject(new Error('asked'))
  await minter.mint(wish, grant, {
    refresh: never,
    grant: (_type, params) => {
      seen.push(params)
      return never()
    },
  })
  t.same(seen, [
    {
      resource: audience,
      subject_token: access.token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
  ])
})
