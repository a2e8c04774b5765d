// timeout: 120s
// A strict provider that rotates, gives tokens of two seconds and takes its time; then one that hangs, or is away.
import { setTimeout as passed } from 'node:timers/promises'
import t from 'tap'
import { startBridge } from '../kit/bridge.ts'
import { loginByFetch } from '../kit/login.ts'
import { startSharedBridge } from '../kit/shared-bridge.ts'
import { slow } from '../kit/slow-tokens.ts'

const paths = ['/api/v1/analytics/x', '/api/crud/x'] as const

t.test(
  'many requests of three sessions at two processes, through many token lifetimes: nobody is signed out',
  async (t) => {
    const { idp, origin, bascule, beside, store } = await startSharedBridge(t, { accessTokenTtl: 2 })
    const other = await beside('second')
    const users = await Promise.all(['ada', 'bob', 'ada'].map((user) => loginByFetch(origin, { user })))
    idp.intercept = slow(1200)
    const seen = new Map<string, number>()
    const until = Date.now() + 4500
    const click = async (n: number) => {
      const { cookie } = users[n % users.length]!
      const at = n % 2 === 0 ? origin : other.url
      while (Date.now() < until) {
        const answer = await fetch(at + paths[(n >> 2) % 2], { headers: { cookie } })
        const { code = '', retry } = { code: '', ...(await answer.json()), retry: answer.headers.get('retry-after') }
        const what = answer.status === 503 ? `503 ${code} ${retry !== null}` : `${answer.status} ${code}`
        seen.set(what, (seen.get(what) ?? 0) + 1)
        await passed(20)
      }
    }
    await Promise.all(Array.from({ length: 24 }, (_, n) => click(n)))
    t.strictSame(
      [...seen.keys()].filter((what) => what !== '200 ' && what !== '503 IDP_UNAVAILABLE true'),
      [],
      JSON.stringify([...seen]),
    )
    t.ok((seen.get('200 ') ?? 0) > 50, JSON.stringify([...seen]))
    t.match(idp.counts, { reuse: 0, revoked: 0 }, 'each refresh token was redeemed once')
    t.ok(idp.counts.refresh >= 8, `${idp.counts.refresh} redeems`)
    t.equal(
      [...bascule.lines, ...other.lines].find(({ msg }) => msg.includes('grant_lost')),
      undefined,
    )
    idp.intercept = undefined
    for (const { cookie } of users)
      for (const path of paths) {
        const answers = await Promise.all([origin, other.url].map((at) => ask(at + path, cookie)))
        t.same(answers, [200, 200], 'and every session goes on')
      }
    t.ok(store.calls.some(({ op, from }) => op === 'lease' && from === 'second'))
  },
)

/** Patient: what hung a moment ago may say so once more. */
async function ask(url: string, cookie: string): Promise<number> {
  for (let tries = 0; ; tries++) {
    const { status } = await fetch(url, { headers: { cookie } })
    if (status !== 503 || tries === 20) return status
    await passed(250)
  }
}

t.test(
  'a provider that hangs: live tokens go on, others get 503 soon, then at once, and a late answer counts',
  async (t) => {
    const { idp, origin } = await startBridge(t, { accessTokenTtl: 600 })
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    // One token is minted before it hangs, the other one is what hangs.
    let tokens = 0
    idp.intercept = async (req) => {
      if (req.url === '/token' && ++tokens > 2) await held
      return false
    }
    const ada = await loginByFetch(origin)
    t.equal((await ada.fetch(paths[0])).status, 200)

    const began = performance.now()
    const first = ada.fetch(paths[1])
    const beside = await Promise.all(Array.from({ length: 50 }, () => ada.fetch(paths[0])))
    t.ok(
      beside.every(({ status }) => status === 200),
      'who needs no refresh does not wait',
    )
    const answer = await first
    t.equal(answer.status, 503)
    t.equal(answer.headers.get('retry-after'), '1')
    t.match(await answer.json(), { code: 'IDP_UNAVAILABLE', service: 'crud_service' })
    t.ok(performance.now() - began < 12_000, 'a few seconds')
    const again = performance.now()
    t.equal((await ada.fetch(paths[1])).status, 503)
    t.ok(performance.now() - again < 4000, 'the next ones do not wait')
    t.equal((await ada.fetch(paths[0])).status, 200, 'and live tokens still go on')
    release()
    t.equal(await ask(origin + paths[1], ada.cookie), 200)
    t.equal(tokens, 3, 'the late answer was kept: nobody asked again')
    t.equal(idp.counts.reuse, 0)
  },
)

t.test('a provider that is away: within a second of its return all is well', async (t) => {
  const { idp, origin, bascule } = await startBridge(t, { accessTokenTtl: 600 })
  let away = true
  idp.intercept = (req, res) => {
    if (req.url !== '/token' || idp.counts.code === 0 || !away) return false
    res.destroy()
    return true
  }
  const ada = await loginByFetch(origin)
  await bascule.line(({ msg }) => msg.startsWith('bff_service_tokens_mapped'))
  for (let n = 0; n < 5; n++) {
    const answer = await ada.fetch(paths[n % 2] as string)
    t.equal(answer.status, 503)
    t.ok(answer.headers.has('retry-after'))
    await answer.body?.cancel()
  }
  const asked = idp.counts.token
  const began = performance.now()
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => ada.fetch(paths[n % 2] as string)))
  t.ok(answers.every(({ status }) => status === 503))
  // One in a quarter of a second, however long the hundred take.
  const most = 10 + (performance.now() - began) / 200
  t.ok(idp.counts.token - asked < most, `it is probed, not hammered (${idp.counts.token - asked} times)`)
  away = false
  const back = performance.now()
  t.equal(await ask(origin + paths[0], ada.cookie), 200)
  t.equal(await ask(origin + paths[1], ada.cookie), 200)
  t.ok(performance.now() - back < 8000, `it took ${Math.round(performance.now() - back)} ms`)
  await bascule.line(({ msg }) => msg.startsWith('idp_recovered'))
})
