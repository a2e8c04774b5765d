import t from 'tap'
import { RateCounter } from '../../plugins/lib/rate-counter.ts'
import { addressKey } from '../../plugins/lib/rate-key.ts'
import type { Session } from '../../plugins/lib/session/session.ts'
import rateLimit from '../../plugins/rate-limit.ts'
import { runStage, setUpStage, stageContract } from '../../plugins/testing/index.ts'
import { contractTest } from '../kit/contract-test.ts'

const by = (by: string, points: number, more = {}) => ({ by, points, duration: '1h', ...more })

stageContract(rateLimit, { test: contractTest(t), options: { limits: [by('address', 2)] }, requests: [{}, {}, {}] })

t.test('what is left is told, and what comes too often is refused until the window is over', async (t) => {
  await using stage = await setUpStage(rateLimit, { options: { limits: [by('address', 2), by('session', 9)] } })
  const first = await stage.run()
  t.equal(first.verdict, 'proceed')
  t.match(first.answer?.headers.get('ratelimit'), /^"address-3600s";r=1;t=3\d{3}, "session-3600s";r=8;t=3\d{3}$/)
  t.equal(first.answer?.headers.get('ratelimit-policy'), '"address-3600s";q=2;w=3600, "session-3600s";q=9;w=3600')
  await stage.run()
  const third = await stage.run()
  t.match(third.answer?.json(), { status: 429, code: 'RATE_LIMITED', reason: 'address' })
  t.match(third.answer?.headers.get('retry-after'), /^3[56]\d\d$/)
  t.match(third.answer?.headers.get('ratelimit'), /^"address-3600s";r=0;t=3\d{3}$/)
  t.equal((await stage.run({ client: { ip: '192.0.2.1' } })).verdict, 'proceed', 'another address')
})

t.test('sessions are counted apart, and a user over all sessions', async (t) => {
  const verdicts = async (limit: object, sessions: readonly (readonly [hash: string, sub: string])[]) => {
    const session = { issuer: 'https://idp.test' } as { -readonly [K in keyof Session]: Session[K] }
    await using stage = await setUpStage(rateLimit, { options: { limits: [limit] }, slots: { session } })
    const said: string[] = []
    for (const [hash, sub] of sessions) {
      Object.assign(session, { hash, sub })
      said.push((await stage.run()).verdict)
    }
    return said
  }
  const [ada1, ada2, bob] = [['1', 'ada'] as const, ['2', 'ada'] as const, ['3', 'bob'] as const]
  t.same(await verdicts(by('session', 1), [ada1, ada2, ada1, bob]), ['proceed', 'proceed', 'reply', 'proceed'])
  t.same(await verdicts(by('user', 1), [ada1, ada2, bob]), ['proceed', 'reply', 'proceed'])
  t.same(await verdicts(by('address', 1), [ada1, bob]), ['proceed', 'reply'])
})

t.test('an IPv6 address counts as its /64', (t) => {
  t.equal(addressKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(addressKey('2001:0DB8:0001:2::1'), '2001:db8:1:2::/64')
  t.equal(addressKey('2001:db8::1'), '2001:db8:0:0::/64')
  t.equal(addressKey('::1'), '0:0:0:0::/64')
  t.equal(addressKey('fe80::1%eth0'), 'fe80:0:0:0::/64')
  t.equal(addressKey('64:ff9b::192.0.2.1'), '64:ff9b:0:0::/64')
  t.equal(addressKey('192.0.2.1'), '192.0.2.1')
  t.end()
})

t.test('many keys end in shared counters, and nobody who is counted is let off', async (t) => {
  const counter = new RateCounter({ points: 2, duration: 3_600_000, max_keys: 1000 })
  t.match(await counter.take('known'), { allowed: true, left: 1 })
  for (let i = 0; i < 999; i++) await counter.take(`flood ${i}`)
  const seen: boolean[] = []
  for (let i = 0; i < 4000; i++) seen.push((await counter.take(`more ${i}`)).allowed)
  t.ok(seen.slice(0, 100).some(Boolean))
  t.ok(seen.filter((allowed) => !allowed).length > 1500, 'what is new shares 1024 counters')
  t.match(await counter.take('known'), { allowed: true, left: 0 })
  t.match(await counter.take('known'), { allowed: false })
})

t.test('nobody can reckon who shares a counter, and close that of another', async (t) => {
  const refused = async () => {
    const counter = new RateCounter({ points: 1, duration: 3_600_000, max_keys: 0 })
    const keys: string[] = []
    for (let i = 0; i < 300; i++) if (!(await counter.take(`2001:db8:0:${i}::/64`)).allowed) keys.push(`${i}`)
    return keys
  }
  t.notSame(await refused(), await refused(), 'each process has pairs of its own')
})

t.test('options that would limit nobody, or name an endpoint that is not there, are refused', async (t) => {
  for (const [options, why] of [
    [{ limits: [] }, /at least one limit/],
    [{ limits: [by('header', 1)] }, /session, user or address/],
    [{ limits: [by('address', 0)] }, /points/],
    [{ limits: [by('address', 1, { duration: '2d' })] }, /from 1s to 24h/],
    [{ endpoints: ['auth-lgoin'] }, /which no stage brings/],
  ] as const)
    await t.rejects(runStage(rateLimit, { options }), { message: why }, String(why))
})
