// node only: every test passes on Deno too, but the provider's TLS server there keeps the process from ending
// RFC 8705: the bridge proves itself by its certificate.
import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { type CertName, cert, key } from '../../kit/certs.ts'
import { CookieJar } from '../../kit/cookie-jar.ts'
import { startAuth } from './auth-kit.ts'
import { ask, toCallback } from './browse.ts'

const tls = { key: key('server'), cert: cert('server'), ca: cert('ca') }

/** As YAML, beside `ca`. */
function shown(name: CertName): string {
  const block = (text: string) => `|\n    ${text.trim().replaceAll('\n', '\n    ')}`
  return `client_cert: ${block(cert(name))}\n  client_key: ${block(key(name))}\n  ca: ${block(cert('ca'))}`
}

/** Registered as it is: nobody has to have signed it. */
function registered(name: CertName): object {
  const certificate = new X509Certificate(cert(name))
  return { ...certificate.publicKey.export({ format: 'jwk' }), use: 'sig', x5c: [certificate.raw.toString('base64')] }
}

const methods = [
  ['tls_client_auth', 'client', 'stranger', {}],
  ['self_signed_tls_client_auth', 'stranger', 'client', { clientKeys: [registered('stranger')] }],
] as const
for (const [clientAuth, good, bad, more] of methods) {
  t.test(`${clientAuth}: the login, and each service's token after it, by the certificate alone`, async (t) => {
    const credentials = `client_auth: ${clientAuth}\n  ${shown(good)}`
    const kit = await startAuth(t, { idp: { clientAuth, tls, ...more }, credentials })
    const jar = new CookieJar()
    const done = await ask(await toCallback(`${kit.url}/auth/login`, jar), jar)
    t.equal(done.status, 200)
    await kit.bff.line(({ msg }) => msg === 'bff_service_tokens_mapped')
    t.equal(kit.idp.counts.refresh, 2)
    t.ok(kit.idp.posts.every(({ form }) => form.client_secret === undefined && form.client_assertion === undefined))
  })

  t.test(`${clientAuth}: another certificate signs nobody in`, async (t) => {
    const credentials = `client_auth: ${clientAuth}\n  ${shown(bad)}`
    const kit = await startAuth(t, { idp: { clientAuth, tls, ...more }, credentials })
    const answer = await ask(`${kit.url}/auth/login`, new CookieJar())
    t.equal(answer.status, 400)
    await kit.bff.line(({ msg, error }) => msg === 'login_refused_by_idp' && /invalid_client/.test(String(error)))
  })
}

t.test('an identity provider of a private authority is not believed without auth.ca', async (t) => {
  const kit = await startAuth(t, { idp: { tls } })
  t.equal((await ask(`${kit.url}/auth/login`, new CookieJar())).status, 503)
  await kit.bff.line(({ error }) => /certificate|UnknownIssuer/i.test(String(error)))
})
