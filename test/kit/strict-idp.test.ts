import t from 'tap'
import { startBackend } from './backend.ts'
import { authorizeByFetch, redeem } from './oauth-client.ts'
import { analyticsAudience, crudAudience, type StrictIdp, startStrictIdp } from './strict-idp.ts'

const scope = 'openid profile email application.all offline_access'
const clientOf = ({ issuer, clientId, clientSecret }: StrictIdp) => ({
  ...{ issuer, clientId, clientSecret },
  redirectUri: 'http://127.0.0.1:1/auth/callback',
})
const asked = (resources: readonly string[]) => ({ resources, scope, user: 'ada', password: 'ada' })

t.test('a login without a form gives a refresh token, and a token for one audience alone', async (t) => {
  await using idp = await startStrictIdp({ user: 'bob' })
  await using backend = await startBackend({ issuer: idp.issuer, audience: crudAudience })
  const client = clientOf(idp)
  const { grant } = await authorizeByFetch(client, asked([analyticsAudience, crudAudience]))
  const first = await redeem(client, { ...grant, resource: analyticsAudience })
  const refresh = { grant_type: 'refresh_token', refresh_token: first.refreshToken, resource: crudAudience }
  const second = await redeem(client, refresh)
  t.not(second.refreshToken, first.refreshToken, 'it rotates')

  const wrong = await fetch(backend.url, { headers: { authorization: `Bearer ${first.accessToken}` } })
  t.equal(wrong.status, 401)
  t.match(wrong.headers.get('www-authenticate'), /invalid_token.*aud/)
  await wrong.body?.cancel()
  const right = await fetch(backend.url, { headers: { authorization: `Bearer ${second.accessToken}` } })
  t.equal(right.status, 200)
  t.match(await right.json(), { claims: { sub: 'bob', aud: crudAudience, scope: 'application.all' } })

  const again = await redeem(client, refresh)
  t.equal(again.error, 'invalid_grant', 'a refresh token that comes again revokes the grant')
  t.match(idp.counts, { reuse: 1, revoked: 1, refresh: 1, code: 1, authorize: 1, token: 3 })
})

t.test('an unknown resource refuses the whole authorization', async (t) => {
  await using idp = await startStrictIdp()
  const { error } = await authorizeByFetch(clientOf(idp), asked([analyticsAudience, 'https://other.example.com']))
  t.equal(error, 'invalid_target')
  t.equal(idp.counts.invalidTarget, 1)
})
