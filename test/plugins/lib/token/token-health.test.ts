import t from 'tap'
import { IdpHealth } from '../../../../plugins/lib/token/token-health.ts'

t.test('three failures in a row close the gate, one answer opens it', async (t) => {
  const health = new IdpHealth()
  t.equal(health.failed(0), false)
  t.equal(health.failed(0), false)
  t.equal(health.admits(0), true, 'two may be bad luck')
  t.equal(health.failed(0), true, 'the third is news')
  t.equal(health.admits(1), false)
  t.equal(health.answered(), true, 'so is the first answer after it')
  t.equal(health.answered(), false)
  t.equal(health.admits(1), true)
})

t.test('one probe a pause, and no pause above a second', async (t) => {
  const health = new IdpHealth()
  for (let n = 0; n < 3; n++) health.failed(0)
  let probes = 0
  let last = 0
  let longest = 0
  for (let now = 1; now < 60_000; now++) {
    if (!health.admits(now)) continue
    t.equal(health.admits(now), false, 'a second one must wait')
    probes++
    longest = Math.max(longest, now - last)
    last = now
    health.failed(now)
  }
  t.ok(longest <= 1001, `waited ${longest} ms`)
  t.ok(probes < 100, `probed ${probes} times in a minute`)
})

t.test('a redeem that hangs closes the gate at once', async (t) => {
  const health = new IdpHealth()
  t.equal(health.hung(0), true)
  t.equal(health.admits(1), false)
  t.equal(health.hung(1), false, 'and is news once')
  t.equal(health.admits(1000), true)
})
