import t from 'tap'
import type { Grant } from '../../../plugins/lib/token/minter.ts'
import login from '../../../plugins/minter/login.ts'
import { minterContract } from '../../../plugins/testing/index.ts'
import { contractTest } from '../../kit/contract-test.ts'
import { audienceOf, issuer, jwt, opened, quiet, stand } from '../lib/token/broker-kit.ts'

const open = () => opened(login)
const wish = { service: 'analytics', audience: 'https://analytics.test', scopes: [] }
const grant: Grant = { refreshToken: 'R0', grantedScopes: 'openid', grantedResources: [] }

minterContract({ open, wish, grant }, { test: contractTest(t), name: 'login' })

const both = ['analytics', 'crud'].map(audienceOf)
const tokenFor = (aud: readonly string[], n = 0) => jwt({ iss: issuer, aud, n })

async function loggedIn(aud: readonly string[]) {
  const minter = await open()
  const until = Date.now() + 300_000
  const data = { access: { token: tokenFor(aud), expiresAt: until }, grantedResources: [] }
  const made = await stand({ services: ['analytics', 'crud'], minter, data })
  made.idp.instead = (asked) => made.idp.give(asked, { aud: both })
  return made
}

t.test("the login's own token serves every service in its aud, and nobody is asked", async (t) => {
  const { broker, session, idp } = await loggedIn(both)
  for (const service of ['analytics', 'crud'])
    t.match(await broker.credential(session, service), { audience: audienceOf(service) })
  t.equal(idp.asked.length, 0)
})

t.test('a service that is not in its aud gets none of it', async (t) => {
  const { broker, session, idp, clock } = await loggedIn([audienceOf('crud')])
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'audience_mismatch' })
  t.match(await broker.credential(session, 'crud'), { audience: audienceOf('crud') })
  t.equal(idp.asked.length, 0)
  await clock.pass(25_000)
  t.match(
    await broker.credential(session, 'analytics'),
    { audience: audienceOf('analytics') },
    'a mended IdP is noticed',
  )
  t.same(idp.asked[0]?.params, {}, 'by a plain refresh')
})

t.test('it is renewed once for all services', async (t) => {
  const { broker, session, idp, clock } = await loggedIn(both)
  await broker.prefetch(session)
  await clock.pass(301_000)
  await Promise.all(['analytics', 'crud'].map((service) => broker.credential(session, service)))
  t.equal(idp.asked.length, 1)
  t.equal(idp.reused, 0)
  await clock.pass(275_000)
  for (const service of ['analytics', 'crud'])
    t.match(broker.credential(session, service), { audience: audienceOf(service) })
  await quiet()
  t.equal(idp.asked.length, 2, 'ahead of its end, in the background')
  t.equal(idp.crowd, 1)
})

t.test('with a token in hand an IdP that is away does not matter', async (t) => {
  const { broker, session, queue } = await loggedIn(both)
  queue.health.hung(Date.now() + 1e6)
  t.match(await broker.credential(session, 'analytics'), { audience: audienceOf('analytics') })
})
