import t from 'tap'
import type { CodeAnswer } from '../../../plugins/lib/idp/idp.ts'
import type { SessionData } from '../../../plugins/lib/session/session.ts'
import type { Grant } from '../../../plugins/lib/token/minter.ts'
import { refreshTokens } from '../../../plugins/lib/token/service-grants.ts'
import authorize from '../../../plugins/minter/authorize.ts'
import { audienceOf, issuer, jwt, oauthError, opened, type Stand, stand } from '../lib/token/broker-kit.ts'

const open = (config?: object) => opened(authorize, config)
const wish = { service: 'analytics', audience: audienceOf('analytics'), scopes: ['read'] }
const none: Grant = { grantedScopes: '', grantedResources: [] }

/** As after a code grant for this service. `R0` is the refresh token that the stand's provider knows. */
function brought({ clock, sessions, session }: Stand, service: string, refreshToken = 'R0'): CodeAnswer {
  const expiresAt = clock.wall() + 300_000
  const claims = { iss: issuer, aud: audienceOf(service), exp: Math.ceil(expiresAt / 1000) }
  return {
    accessToken: jwt(claims),
    ...{ expiresAt, refreshToken, issuer, idToken: 'id-token' },
    claims: { ...claims, aud: 'bff', iat: 0, sub: sessions.secretsOf(session).sub },
  }
}

const own: Partial<SessionData> = { refreshToken: 'login', grantedResources: [] }

async function granted(services: readonly string[] = ['analytics']) {
  const made = await stand({ minter: await open(), services, data: own })
  const admit = (service: string, answer = brought(made, service)) =>
    made.broker.admit(made.session, service, {
      answer,
      resources: [audienceOf(service)],
      scope: 'openid',
      mayBeShown: false,
    })
  for (const service of services) t.equal(await admit(service), 'kept')
  return { ...made, admit }
}

t.test('asks for one service, in the way that its provider names it', async (t) => {
  t.same((await open()).authorization?.(wish), [['resource', wish.audience]])
  t.same((await open({ by: 'audience' })).authorization?.(wish), [['audience', wish.audience]])
  t.same((await open({ by: 'scope' })).authorization?.(wish), [])
  t.same((await open()).atLogin([wish]), [], 'the login asks for no service')
  await t.rejects(open({ by: 'magic' }), /must be resource, audience or scope/)
})

t.test(
  'without a grant it says step_up, once refused denied_by_idp, and what cannot be asked for not_mintable',
  async (t) => {
    const minter = await open()
    t.match(minter.refuses(wish, none), { reason: 'step_up', stepUp: true })
    t.match(minter.refuses(wish, { ...none, refusedResources: [wish.audience] }), { reason: 'denied_by_idp' })
    t.match(minter.refuses({ ...wish, audience: 'word' }, none), { reason: 'not_mintable' })
    t.match((await open({ by: 'scope' })).refuses({ ...wish, scopes: [] }, none), { reason: 'not_mintable' })
    t.equal(minter.refuses(wish, { ...none, refreshToken: 'R' }), undefined)
  },
)

t.test("the login's own tokens are no grant for a service", async (t) => {
  const { broker, session } = await stand({ minter: await open(), data: own })
  t.match(broker.credential(session, 'analytics'), { kind: 'refused', reason: 'step_up', stepUp: true })
  t.match(broker.missing(session, 'analytics'), {
    kind: 'authorization',
    own: true,
    resources: [audienceOf('analytics')],
  })
  t.same(broker.missing(session, 'nobody'), { kind: 'unknown' })
})

t.test('what the authorization brought serves first, and then its own refresh token', async (t) => {
  const { broker, session, sessions, idp, clock } = await granted()
  t.match(await broker.credential(session, 'analytics'), { audience: wish.audience })
  t.equal(idp.asked.length, 0)
  await clock.pass(301_000)
  const all = await Promise.all(Array.from({ length: 100 }, () => broker.credential(session, 'analytics')))
  t.equal(new Set(all).size, 1)
  t.same(idp.asked, [{ refreshToken: 'R0', params: { resource: wish.audience } }])
  const data = sessions.secretsOf(session)
  t.match([data.refreshToken, data.grants?.analytics?.refreshToken], ['login', 'R1'], 'each kept where it belongs')
})

t.test('a grant that is lost costs its service a step-up, and nothing else', async (t) => {
  const { broker, session, sessions, idp, clock, log, admit } = await granted(['analytics', 'crud'])
  await clock.pass(301_000)
  idp.instead = (asked) =>
    asked.params.resource === wish.audience ? Promise.reject(oauthError('invalid_grant')) : idp.give(asked)
  const [lost, other] = await Promise.all(['analytics', 'crud'].map((service) => broker.credential(session, service)))
  t.match(lost, { kind: 'refused', reason: 'step_up', stepUp: true })
  t.match(other, { audience: audienceOf('crud') })
  t.match(log.find('service_grant_lost')?.fields, { service: 'analytics', error: 'invalid_grant' })
  t.notOk(sessions.over(session))
  t.match(broker.states(session), { analytics: { state: 'step_up' }, crud: { state: 'ready' } })
  t.equal(await admit('analytics'), 'kept')
  t.match(await broker.credential(session, 'analytics'), { audience: wish.audience })
})

t.test("a redeem that hangs holds up no other service's grant", async (t) => {
  const { broker, session, idp, clock } = await granted(['analytics', 'crud'])
  await clock.pass(301_000)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  idp.instead = async (asked) => {
    if (asked.params.resource === wish.audience) await held
    return { ...(await idp.give({ ...asked, refreshToken: 'R0' })), refreshToken: 'R0' }
  }
  const slow = broker.credential(session, 'analytics')
  t.match(await broker.credential(session, 'crud'), { audience: audienceOf('crud') })
  idp.instead = undefined
  release()
  await slow
})

t.test('what came for another user, or after the end, changes nothing', async (t) => {
  const made = await granted()
  const { sessions, session, admit } = made
  const before = sessions.secretsOf(session)
  const answer = brought(made, 'analytics', 'R9')
  t.equal(await admit('analytics', { ...answer, claims: { ...answer.claims, sub: 'eve' } }), 'other_user')
  t.equal(await admit('analytics', { ...answer, issuer: 'https://other.test' }), 'other_user')
  t.equal(await admit('nobody', answer), 'unknown')
  t.equal(sessions.secretsOf(session), before)
  await sessions.end(session, 'logout')
  t.equal(await admit('analytics', answer), 'gone')
})

t.test('what a silent answer left out is asked for with pages, where there are any to come', async (t) => {
  const made = await granted()
  const { refreshToken: _, ...bare } = brought(made, 'analytics')
  const admit = (answer: CodeAnswer, mayBeShown: boolean) =>
    made.broker.admit(made.session, 'analytics', {
      ...{ answer, mayBeShown, resources: [wish.audience], scope: 'openid offline_access' },
    })
  t.equal(await admit({ ...bare, scope: 'openid' }, true), 'no_refresh_token')
  t.equal(await admit({ ...bare, scope: 'openid offline_access' }, true), 'kept', 'pages would bring no more')
  t.equal(await admit(bare, true), 'kept')
  t.equal(await admit({ ...bare, scope: 'openid' }, false), 'kept', 'a token for a while is better than none')
})

t.test('a grant that is replaced is given back with the session', async (t) => {
  const made = await granted()
  t.equal(await made.admit('analytics', brought(made, 'analytics', 'R9')), 'kept')
  t.same(refreshTokens(made.sessions.secretsOf(made.session)), ['login', 'R9', 'R0'])
})
