// node only: the provider's TLS server keeps Deno from ending; what is judged here is judged there in audience.test.ts
// RFC 8705 section 3: access tokens that are good only with the certificate they were given for.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startBridge } from '../kit/bridge.ts'
import { type CertName, cert, key } from '../kit/certs.ts'
import { CookieJar } from '../kit/cookie-jar.ts'
import { analyticsAudience } from '../kit/strict-idp.ts'
import { ask, toCallback } from '../plugins/endpoint/browse.ts'

const server = { key: key('server'), cert: cert('server'), ca: cert('ca') }

/** As section 3 wants it: the certificate of this connection is the one of the token. `seen`: what it refused or took. */
async function service(t: Test): Promise<{ readonly url: string; readonly seen: boolean[] }> {
  const seen: boolean[] = []
  const tls = https.createServer({ ...server, requestCert: true, rejectUnauthorized: false }, (req, res) => {
    const peer = (req.socket as TLSSocket).getPeerX509Certificate()
    const shown = peer && createHash('sha256').update(peer.raw).digest('base64url')
    const { cnf } = decodeJwt(req.headers.authorization?.slice('Bearer '.length) ?? '') as { cnf?: object }
    const fits = shown !== undefined && JSON.stringify(cnf) === JSON.stringify({ 'x5t#S256': shown })
    seen.push(fits)
    res.writeHead(fits ? 200 : 401).end(shown)
  })
  tls.listen(0, '127.0.0.1')
  await once(tls, 'listening')
  t.teardown(() => {
    tls.closeAllConnections()
    tls.close()
  })
  return { url: `https://127.0.0.1:${(tls.address() as AddressInfo).port}`, seen }
}

const block = (text: string) => `|\n    ${text.trim().replaceAll('\n', '\n    ')}`

t.test('a bound token goes only where its certificate is shown', async (t) => {
  const { url, seen } = await service(t)
  const shows = (name: CertName) => `, cert: "file:tls/${name}.crt", key: "file:tls/${name}.key"`
  const files: Record<string, string> = { 'tls/ca.crt': cert('ca') }
  for (const name of ['client', 'stranger'] as const)
    Object.assign(files, { [`tls/${name}.crt`]: cert(name), [`tls/${name}.key`]: key(name) })
  const routes = (first: string) => `
services:
  analytics_service: { base_url: "${url}", tls: { ca: "file:tls/ca.crt"${first} } }
  other: { base_url: "${url}", tls: { ca: "file:tls/ca.crt"${shows('stranger')} } }
  none: { base_url: "${url}", tls: { ca: "file:tls/ca.crt" } }
routes:
  - { id: good, path: "/good/*", target_service: analytics_service, preserve_path: true, auth: session }
  - { id: other, path: "/other/*", target_service: other, preserve_path: true, auth: session }
  - { id: none, path: "/none/*", target_service: none, preserve_path: true, auth: session }
`
  const bridge = await startBridge(t, {
    tls: server,
    certificateBound: true,
    accessTokenTtl: 600,
    auth: `  client_cert: ${block(cert('client'))}\n  client_key: ${block(key('client'))}\n  ca: ${block(cert('ca'))}`,
    audiences: `, other: "${analyticsAudience}", none: "${analyticsAudience}"`,
    files: () => ({ ...files, 'routes.yaml': routes(shows('client')) }),
  })
  const jar = new CookieJar()
  t.equal((await ask(await toCallback(`${bridge.origin}/auth/login`, jar), jar)).status, 200)
  const call = (path: string) =>
    fetch(bridge.origin + path, { headers: { cookie: `bff_session=${jar.get('bff_session')}` } })
  await bridge.bascule.line(({ msg }) => msg.startsWith('bff_service_tokens_mapped'))
  t.equal((await call('/good/x')).status, 200)
  t.same(seen, [true])

  for (const [path, words] of [
    ['/other/x', /tls\.cert of this service in routes\.yaml is another/],
    ['/none/x', /has no tls\.cert/],
  ] as const) {
    const answer = await call(path)
    t.match([answer.status, await answer.json()], [401, { code: 'NO_TOKEN_AVAILABLE', reason: 'certificate_mismatch' }])
    const said = bridge.bascule.lines.filter(({ msg }) => msg.startsWith('service_token_unusable'))
    t.ok(
      said.some(({ error }) => words.test(String(error))),
      'the log says which file',
    )
  }
  t.same(seen, [true], 'neither was sent')

  writeFileSync(join(bridge.bascule.dir, 'routes.yaml'), routes(shows('stranger')))
  t.ok(await bridge.bascule.server.reload())
  const after = await call('/good/x')
  t.match([after.status, await after.json()], [401, { reason: 'certificate_mismatch' }])
  writeFileSync(join(bridge.bascule.dir, 'routes.yaml'), routes(shows('client')))
  t.ok(await bridge.bascule.server.reload())
  t.same(seen, [true], 'the token from before the reload is not sent with the other certificate')
})
