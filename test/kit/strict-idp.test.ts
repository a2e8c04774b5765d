import { Buffer } from 'node:buffer'
import t from 'tap'
import { startBackend } from './backend.ts'
import { CookieJar } from './cookie-jar.ts'
import type { StrictIdp } from './strict-idp.ts'
import { analyticsAudience, crudAudience, startStrictIdp } from './strict-idp.ts'

const redirect = 'http://127.0.0.1:1/auth/callback'

async function authorize(idp: StrictIdp, resources: string[], extra: Record<string, string> = {}) {
  const jar = new CookieJar()
  const verifier = 'v'.repeat(43)
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const challenge = Buffer.from(digest).toString('base64url')
  const params = new URLSearchParams({
    client_id: idp.clientId,
    response_type: 'code',
    redirect_uri: redirect,
    scope: 'openid profile email application.all offline_access',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...extra,
  })
  for (const resource of resources) params.append('resource', resource)
  let url = `${idp.issuer}/auth?${params}`
  for (let hop = 0; hop < 6 && url.startsWith(idp.issuer); hop++) {
    const response = await fetch(url, { redirect: 'manual', headers: { cookie: jar.header(url) ?? '' } })
    jar.keep(url, response.headers)
    const location = response.headers.get('location')
    if (location === null) throw new Error(`${response.status} ${await response.text()}`)
    url = new URL(location, url).href
  }
  return { params: new URL(url).searchParams, verifier }
}

async function token(idp: StrictIdp, form: Record<string, string>) {
  const body = new URLSearchParams({ client_id: idp.clientId, client_secret: idp.clientSecret, ...form })
  const response = await fetch(`${idp.issuer}/token`, { method: 'POST', body })
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}

t.test('a login without a form gives a refresh token, and a token for one audience alone', async (t) => {
  await using idp = await startStrictIdp()
  await using backend = await startBackend({ issuer: idp.issuer, audience: crudAudience })
  const { params, verifier } = await authorize(idp, [analyticsAudience, crudAudience], { login_hint: 'bob' })
  const code = params.get('code') ?? ''
  const first = await token(idp, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirect,
    code_verifier: verifier,
    resource: analyticsAudience,
  })
  t.equal(first.status, 200)
  const second = await token(idp, {
    grant_type: 'refresh_token',
    refresh_token: first.body.refresh_token ?? '',
    resource: crudAudience,
  })
  t.equal(second.status, 200)
  t.not(second.body.refresh_token, first.body.refresh_token, 'it rotates')

  const wrong = await fetch(backend.url, { headers: { authorization: `Bearer ${first.body.access_token}` } })
  t.equal(wrong.status, 401)
  t.match(wrong.headers.get('www-authenticate'), /invalid_token.*aud/)
  await wrong.body?.cancel()
  const right = await fetch(backend.url, { headers: { authorization: `Bearer ${second.body.access_token}` } })
  t.equal(right.status, 200)
  t.match(await right.json(), { claims: { sub: 'bob', aud: crudAudience, scope: 'application.all' } })

  const again = await token(idp, { grant_type: 'refresh_token', refresh_token: first.body.refresh_token ?? '' })
  t.equal(again.body.error, 'invalid_grant', 'a refresh token that comes again revokes the grant')
  t.match(idp.counts, { reuse: 1, revoked: 1, refresh: 1, code: 1, authorize: 1, token: 3 })
})

t.test('an unknown resource refuses the whole authorization', async (t) => {
  await using idp = await startStrictIdp()
  const { params } = await authorize(idp, [analyticsAudience, 'https://other.example.com'])
  t.equal(params.get('error'), 'invalid_target')
  t.equal(idp.counts.invalidTarget, 1)
})
