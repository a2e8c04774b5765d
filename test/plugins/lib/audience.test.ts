import t from 'tap'
import { holdsAudience, judgeToken } from '../../../plugins/lib/audience.ts'
import { issuer, jwt } from './broker-kit.ts'

const now = 1_900_000_000_000
const audience = 'https://analytics.test'
const judge = (token: string, expiresAt = now + 300_000) => judgeToken(token, { audience, issuer, expiresAt, now })
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
    t.match(
      judge(token),
      { kind: 'bad', reason: 'audience_mismatch', words: /opaque/ },
      JSON.stringify(token.slice(-20)),
    )
  t.match(judge(jwt({ ...claims, pad: 'x'.repeat(16_384) })), { kind: 'bad', words: /at most 16384/ })
})

t.test('refuses a token of another issuer', async (t) => {
  t.match(judge(jwt({ ...claims, iss: 'https://evil.test' })), {
    kind: 'bad',
    reason: 'audience_mismatch',
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
    reason: 'denied_by_idp',
    words: /300 s ago/,
  })
})

t.test('knows whether a token holds an audience', async (t) => {
  t.equal(holdsAudience(jwt(claims), audience), true)
  t.equal(holdsAudience(jwt(claims), 'https://other.test'), false)
  t.equal(holdsAudience('opaque', audience), false)
})
