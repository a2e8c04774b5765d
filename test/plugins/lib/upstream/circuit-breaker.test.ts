import t from 'tap'
import { CircuitBreaker } from '../../../../plugins/lib/upstream/circuit-breaker.ts'
import { FakeHost } from '../../../kit/fake-host.ts'

const settings = { failure_percent: 50, minimum_requests: 4, window: 10_000, open_time: 5_000 }

function breaker() {
  const host = new FakeHost()
  const clock = { now: 100_000 }
  const made = new CircuitBreaker('api', settings, host.log, () => clock.now)
  const one = (well: boolean | undefined) => made.ended(made.begin(), well)
  return { made, one, clock, host }
}

t.test('it opens at the share of failures, not below the number of requests', (t) => {
  const { made, one } = breaker()
  for (let i = 0; i < 3; i++) one(false)
  t.equal(made.wait, 0)
  one(true)
  one(false)
  t.equal(made.wait, 5_000)
  t.end()
})

t.test('what lies behind the window does not count, nor do clients that left', (t) => {
  const { made, one, clock } = breaker()
  for (let i = 0; i < 3; i++) one(false)
  for (let i = 0; i < 9; i++) one(undefined)
  clock.now += 11_000
  one(false)
  t.equal(made.wait, 0)
  t.end()
})

t.test('one request finds out; a client that leaves it lets the next one do so', (t) => {
  const { made, one, clock, host } = breaker()
  const early = made.begin()
  for (let i = 0; i < 4; i++) one(false)
  clock.now += 5_000
  t.equal(made.wait, 0)
  const probe = made.begin()
  t.ok(made.wait > 0, 'one at a time')
  made.ended(early, true)
  t.ok(made.wait > 0, 'one that began before says nothing now')
  made.ended(probe, undefined)
  t.equal(made.wait, 0)
  one(false)
  t.equal(made.wait, 5_000, 'not yet')
  clock.now += 5_000
  one(true)
  t.equal(made.wait, 0)
  for (let i = 0; i < 3; i++) one(false)
  t.equal(made.wait, 0, 'a new count')
  t.same(
    host.lines.map(({ msg }) => msg),
    ['circuit_opened service=api', 'circuit_closed service=api'],
  )
  t.end()
})
