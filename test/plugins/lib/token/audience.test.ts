import { Buffer } from 'node:buffer'
import t from 'tap'
import { holdsAudience, judgeToken } from '../../../../plugins/lib/token/audience.ts'
import { issuer, jwt } from './broker-kit.ts'

const now = 1_900_000_000_000
const audience = 'https://analytics.test'
const judge = (token: string, expiresAt = now + 300_000) =>
  judgeToken(token, { audience, match: 'includes', issuer, scopes: [], expiresAt, now })
const claims = { iss: issuer, aud: audience, exp: now / 1000 + 300 }

t.test('takes a token whose aud is, or holds, the audience', async (t) => {
  t.same(judge(jwt(claims)), { kind: 'good', expiresAt: now + 300_000 })
  t.equal(judge(jwt({ ...claims, aud: ['https://other.test', audience] })).kind, 'good')
  t.equal(judge(jwt({ aud: audience })).kind, 'good', 'issuer and expiry may be absent')
  t.equal(judge(jwt({ ...claims, iss: `${issuer}/` })).kind, 'good', 'a final slash of the issuer is no difference')
})

t.test('compares the audience to the letter', async (t) => {
  const near = [
    `${audience}/`,
    audience.toUpperCase(),
    `${audience} `,
    'https://analytics.test.evil',
    '',
    7,
    null,
    { 0: audience },
  ]
  for (const aud of [...near, near, undefined, [[audience]]])
    t.match(judge(jwt({ ...claims, aud })), { kind: 'bad', reason: 'audience_mismatch' }, JSON.stringify(aud))
})

t.test('a token that is bound to a certificate is good where that one is shown', async (t) => {
  const shown = (certificate: string | undefined, cnf: unknown) =>
    judgeToken(jwt({ ...claims, cnf }), {
      ...{ audience, match: 'includes', issuer, scopes: [], expiresAt: now + 300_000, now, certificate },
    })
  t.match(shown('abc', { 'x5t#S256': 'abc' }), { kind: 'good', certificate: 'abc' })
  t.same(shown('abc', undefined), { kind: 'good', expiresAt: now + 300_000 }, 'bound to nothing')
  t.match(shown('abc', { jkt: 'k' }), { kind: 'good' })
  for (const cnf of [{ 'x5t#S256': 'abd' }, { 'x5t#S256': '' }, { 'x5t#S256': null }, { 'x5t#S256': ['abc', 'abd'] }])
    t.match(shown('abc', cnf), { kind: 'bad', reason: 'certificate_mismatch', words: /is another one/ })
  t.match(shown(undefined, { 'x5t#S256': 'abc' }), { kind: 'bad', words: /has no tls\.cert/ })
})

t.test('tells which audiences came instead, and nothing else of the token', async (t) => {
  const bad = judge(jwt({ ...claims, aud: ['https://other.test'], email: 'ada@example.test' }))
  t.match(bad, { got: ['https://other.test'], words: /another audience/ })
  t.notMatch(JSON.stringify(bad), /ada@/)
  const flood = judge(jwt({ ...claims, aud: Array.from({ length: 200 }, (_, n) => `https://a${n}.test`) }))
  t.equal(flood.kind === 'bad' && flood.got.length, 20)
})

t.test('takes no token that it cannot read', async (t) => {
  const good = jwt(claims)
  const opaque = [
    '',
    'opaque',
    'a.b.c',
    `${good}.x.y`,
    good.slice(0, -5),
    `${good}\r\nX-Admin: 1`,
    `${good} `,
    `e30.${btoa('[]')}.c2ln`,
  ]
  for (const token of opaque)
    t.match(judge(token), { kind: 'bad', reason: 'token_opaque', words: /opaque/ }, JSON.stringify(token.slice(-20)))
  t.match(judge(jwt({ ...claims, pad: 'x'.repeat(16_384) })), { kind: 'bad', words: /at most 16384/ })
})

t.test('refuses a token of another issuer', async (t) => {
  t.match(judge(jwt({ ...claims, iss: 'https://evil.test' })), {
    kind: 'bad',
    reason: 'issuer_mismatch',
    words: /evil/,
  })
})

t.test('believes the earlier of expires_in and exp', async (t) => {
  t.same(judge(jwt({ ...claims, exp: now / 1000 + 4 }), now + 5000), { kind: 'good', expiresAt: now + 4000 })
  t.same(judge(jwt(claims), now + 5000), { kind: 'good', expiresAt: now + 5000 })
  const behind = judge(jwt({ ...claims, exp: now / 1000 - 30 }), now + 5000)
  t.same(behind, { kind: 'good', expiresAt: now + 5000 }, 'an IdP whose clock is a little behind')
  t.match(judge(jwt({ ...claims, exp: now / 1000 - 300 })), {
    kind: 'bad',
    reason: 'token_expired',
    words: /300 s ago/,
  })
})

t.test('knows whether a token holds an audience', async (t) => {
  t.equal(holdsAudience(jwt(claims), audience), true)
  t.equal(holdsAudience(jwt(claims), 'https://other.test'), false)
  t.equal(holdsAudience('opaque', audience), false)
})

t.test('match: exact takes no token that is for others, too', async (t) => {
  const exact = (aud: unknown) =>
    judgeToken(jwt({ ...claims, aud }), {
      ...{ audience, match: 'exact', issuer, scopes: [], expiresAt: now + 1000, now },
    })
  t.equal(exact(audience).kind, 'good')
  t.equal(exact([audience]).kind, 'good')
  t.match(exact([audience, 'https://other.test']), { reason: 'audience_mismatch', words: /match: exact/ })
})

t.test('a token with none of the scopes that were asked for is missed before it is kept', async (t) => {
  const wanting = (scopes: string[], payload: object, scope?: string) =>
    judgeToken(jwt({ ...claims, ...payload }), {
      ...{ audience, match: 'includes', issuer, scopes, expiresAt: now + 1000, now },
      ...(scope === undefined ? {} : { scope }),
    })
  t.match(wanting(['write', 'all'], {}, 'openid read'), { reason: 'not_granted', words: /any of write all/ })
  t.equal(wanting(['read', 'write'], {}, 'openid read').kind, 'good', 'they may be alternatives')
  t.match(wanting(['write'], { scope: 'read' }), { reason: 'not_granted' }, "by the token's own claim")
  t.match(wanting(['write'], { scp: ['read'] }), { reason: 'not_granted' }, 'Okta lists them in scp')
  t.equal(wanting(['read'], { scp: 'x' }, 'read').kind, 'good', "the token endpoint's word comes first")
  t.equal(wanting(['read'], {}).kind, 'good', 'nobody says what was granted: what was asked for')
  t.equal(wanting(['openid', 'api://app/.default'], {}, 'read').kind, 'good', 'what IdPs take and never name')
})

t.test('an ID token, or a logout token, is no access token', async (t) => {
  t.match(judge(jwt({ ...claims, at_hash: 'x' })), { reason: 'wrong_token_type' })
  t.match(judge(jwt({ ...claims, typ: 'ID' })), { reason: 'wrong_token_type' })
  const header = Buffer.from('{"alg":"RS256","typ":"logout+jwt"}').toString('base64url')
  t.match(judge(jwt(claims).replace(/^[^.]+/, header)), { reason: 'wrong_token_type' })
})
