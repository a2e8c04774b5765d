// How the bridge proves itself to the identity provider, to one that checks all of it.
import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import type { StrictIdp } from '../../kit/strict-idp.ts'
import { startAuth } from './auth-kit.ts'

/** A client's key as both sides have it. */
function keyPair(make: () => ReturnType<typeof generateKeyPairSync>, kid: string) {
  const { privateKey, publicKey } = make()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' }
  const yaml = (privateKey.export({ type: 'pkcs8', format: 'pem' }) as string).trim().replaceAll('\n', '\n    ')
  return { jwk, privateKey: `private_key: |\n    ${yaml}` }
}

function assertionsOf({ posts }: StrictIdp): { readonly path: string; readonly assertion: string }[] {
  return posts.map(({ path, form }) => ({ path, assertion: String(form.client_assertion) }))
}

for (const [what, make, algs, alg] of [
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), undefined, 'RS256'],
  ['RSA where only PSS is taken', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), ['PS256'], 'PS256'],
  ['EC', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), undefined, 'ES256'],
  ['Ed25519', () => generateKeyPairSync('ed25519'), ['EdDSA'], 'EdDSA'],
] as const)
  t.test(`BCP-14: private_key_jwt with ${what}`, async (t) => {
    const { jwk, privateKey } = keyPair(make as () => ReturnType<typeof generateKeyPairSync>, 'k1')
    const idp = { clientAuth: 'private_key_jwt', clientKeys: [jwk], ...(algs && { assertionAlgs: algs }) } as const
    const kit = await startAuth(t, { idp, credentials: `${privateKey}\n  private_key_id: k1` })
    const user = await kit.login()
    t.equal((await user.fetch('/api/crud/forms/1')).status, 200)
    const seen = assertionsOf(kit.idp)
    t.ok(seen.some(({ path }) => path === '/request') && seen.some(({ path }) => path === '/token'))
    for (const { assertion } of seen) {
      t.strictSame(decodeProtectedHeader(assertion), { alg, kid: 'k1' })
      const { iss, sub, aud, exp = 0, iat = 0 } = decodeJwt(assertion)
      t.strictSame({ iss, sub, aud }, { iss: 'bff-server', sub: 'bff-server', aud: kit.idp.issuer })
      t.ok(exp - iat <= 60)
    }
    t.equal(new Set(seen.map(({ assertion }) => decodeJwt(assertion).jti)).size, seen.length, 'each is used once')
    t.notMatch(JSON.stringify(kit.bff.lines), /eyJ|PRIVATE KEY/)
  })

t.test('the assertion can be made out to the token endpoint, for identity providers that want that', async (t) => {
  const { jwk, privateKey } = keyPair(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'k1')
  const credentials = `${privateKey}\n  client_assertion_audience: token_endpoint`
  const kit = await startAuth(t, { idp: { clientAuth: 'private_key_jwt', clientKeys: [jwk] }, credentials })
  await kit.login()
  const seen = assertionsOf(kit.idp)
  t.strictSame(new Set(seen.map(({ assertion }) => decodeJwt(assertion).aud)), new Set([`${kit.idp.issuer}/token`]))
})

t.test('a key that the identity provider does not know: nobody signs in, and the log says where to look', async (t) => {
  const known = keyPair(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'k1')
  const other = keyPair(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'k1')
  const idp = { clientAuth: 'private_key_jwt', clientKeys: [known.jwk] } as const
  const kit = await startAuth(t, { idp, credentials: other.privateKey })
  const answer = await fetch(`${kit.url}/auth/login`, { redirect: 'manual' })
  t.equal(answer.status, 400)
  t.match(await answer.json(), { code: 'LOGIN_FAILED', reason: 'invalid_client' })
  await kit.bff.line(({ msg }) => msg === 'login_refused_by_idp')
})
