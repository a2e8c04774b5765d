// RFC 9449 against a provider as strict as it goes: pushed requests only, a DPoP key and a private_key_jwt demanded, nonces too.
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import type { TestLike } from '../../kit/bascule.ts'
import { judgeProof, type Proof } from '../../kit/dpop-service.ts'
import { analyticsAudience } from '../../kit/strict-idp.ts'
import { startUpstream } from '../../kit/upstream.ts'
import { startAuth } from './auth-kit.ts'

async function stand(t: TestLike, auth = '') {
  const seen: Proof[] = []
  const api = await startUpstream(t, async (req, res) => {
    try {
      seen.push(await judgeProof(req, api.url, analyticsAudience))
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
