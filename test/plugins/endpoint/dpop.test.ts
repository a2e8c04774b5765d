// RFC 9449 against a provider as strict as it goes: pushed requests only, a DPoP key and a private_key_jwt demanded, nonces too.
import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { calculateJwkThumbprint, decodeJwt, EmbeddedJWK, type JWK, jwtVerify } from 'jose'
import t from 'tap'
import { sha256 } from '../../../plugins/lib/random-id.ts'
import type { TestLike } from '../../kit/bascule.ts'
import { analyticsAudience } from '../../kit/strict-idp.ts'
import { startUpstream } from '../../kit/upstream.ts'
import { startAuth } from './auth-kit.ts'

/** As a resource server must look at it (section 7.2): the proof is for this request and token, by the key the token is bound to. */
async function judge(req: IncomingMessage, origin: string): Promise<{ readonly jkt: string; readonly jti: string }> {
  const [scheme, token = ''] = (req.headers.authorization ?? '').split(' ')
  if (scheme !== 'DPoP') throw new Error(`the scheme is ${scheme}`)
  const proof = String(req.headers.dpop)
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256'] })
  if ((protectedHeader.jwk as JWK).d !== undefined) throw new Error('the private key is in the proof')
  const jkt = await calculateJwkThumbprint(protectedHeader.jwk as JWK)
  const claims = decodeJwt(token)
  const { cnf, aud } = claims as { cnf?: { jkt?: string }; aud?: string }
  const said = { htm: payload.htm, htu: payload.htu, ath: payload.ath, jkt: cnf?.jkt, aud }
  const path = (req.url ?? '').split('?')[0]
  const wanted = { htm: req.method, htu: `${origin}${path}`, ath: sha256(token), jkt, aud: analyticsAudience }
  if (JSON.stringify(said) !== JSON.stringify(wanted))
    throw new Error(`${JSON.stringify(said)} ${JSON.stringify(wanted)}`)
  return { jkt, jti: String(payload.jti) }
}

async function stand(t: TestLike, auth = '') {
  const seen: { readonly jkt: string; readonly jti: string }[] = []
  const api = await startUpstream(t, async (req, res) => {
    try {
      seen.push(await judge(req, api.url))
      res.end('proven')
    } catch (error) {
      res.writeHead(401).end(String(error))
    }
  })
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = (privateKey.export({ type: 'pkcs8', format: 'pem' }) as string).trim().replaceAll('\n', '\n    ')
  const kit = await startAuth(t, {
    idp: { clientAuth: 'private_key_jwt', clientKeys: [publicKey.export({ format: 'jwk' })], strictest: true },
    credentials: `private_key: |\n    ${pem}`,
    analyticsUrl: api.url,
    auth,
  })
  return { kit, seen }
}

t.test('CVE-2024-49755: every request to a service proves the key of its own session', async (t) => {
  const { kit, seen } = await stand(t, '  dpop: true')
  const [ada, bob] = [await kit.login(), await kit.login({ user: 'bob' })]
  for (const user of [ada, ada, bob]) {
    const answer = await user.fetch('/api/v1/analytics/workflows?q=1')
    t.equal(await answer.text(), 'proven')
  }
  const [first, second, other] = seen
  t.equal(first?.jkt, second?.jkt)
  t.not(first?.jkt, other?.jkt, 'no two users hang on one key')
  t.equal(new Set(seen.map(({ jti }) => jti)).size, 3, 'no proof is used twice')
  t.strictSame(
    [kit.idp.counts.reuse, kit.idp.counts.revoked],
    [0, 0],
    'a nonce that is demanded costs no refresh token',
  )
  t.notMatch(JSON.stringify(kit.bff.lines), /eyJ|"d":/)
})

t.test('a provider that demands a key gets none unless told so: nobody signs in', async (t) => {
  const { kit } = await stand(t)
  await t.rejects(kit.login(), /no session cookie after .*: 400/)
})

t.test('a provider that answers with tokens bound to nothing is refused', async (t) => {
  const kit = await startAuth(t, { auth: '  dpop: true', idp: { dpop: false } })
  await t.rejects(kit.login(), /no session cookie after .*: 400/)
  await kit.bff.line(({ error }) => /of the type bearer, not DPoP/.test(String(error)))
})
