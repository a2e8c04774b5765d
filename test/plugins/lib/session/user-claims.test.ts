import t from 'tap'
import { userClaims } from '../../../../plugins/lib/session/user-claims.ts'

t.test('BBA-17: the browser sees listed claims of sane size, and nothing of the protocol', async (t) => {
  const claims = {
    ...{ name: 'Ada', email: 'ada@example.com', email_verified: true, updated_at: 7, groups: ['admin'] },
    ...{ nonce: 'n', at_hash: 'h', sid: 's', acr: '1', picture: `data:${'x'.repeat(3_000)}`, locale: { a: 1 } },
  }
  t.strictSame(userClaims(claims, 'ada'), {
    ...{ name: 'Ada', email: 'ada@example.com', email_verified: true, updated_at: 7, sub: 'ada' },
  })
  t.equal(userClaims({ sub: 'eve' }, 'ada').sub, 'ada')
})

t.test('CVE-2026-40574: an address of two domains is none', async (t) => {
  for (const email of ['a@evil@corp.com', 'corp.com', '@', 'a@', 'a @corp.com', ['a@corp.com'], 7])
    t.strictSame(userClaims({ email, email_verified: true }, 'ada'), { sub: 'ada' }, String(email))
})
