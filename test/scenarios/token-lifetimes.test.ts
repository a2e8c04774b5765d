// A real provider that rotates refresh tokens and revokes the family when one comes twice: the race that logs users out elsewhere.
import { setTimeout as passed } from 'node:timers/promises'
import t from 'tap'
import { type Bridge, startBridge } from '../kit/bridge.ts'
import { loginByFetch } from '../kit/login.ts'

const both = ['/api/v1/analytics/workflows', '/api/crud/forms/1']

/** Calls until so many refresh tokens were redeemed: how long that takes is the machine's to say. */
async function through(redeems: number, { idp }: Bridge, call: () => Promise<void>): Promise<void> {
  const until = Date.now() + 60_000
  while (idp.counts.refresh < redeems && Date.now() < until) {
    await call()
    await passed(50)
  }
}

t.test('a user who clicks through both services over many token lifetimes sees no 401', async (t) => {
  const bridge = await startBridge(t, { accessTokenTtl: 4 })
  const { idp, origin, bascule } = bridge
  const ada = await loginByFetch(origin)
  const [from, statuses] = [Date.now(), new Set<number>()]
  await through(6, bridge, async () => {
    const answers = await Promise.all([...both, ...both].map((path) => ada.fetch(path)))
    for (const { status } of answers) statuses.add(status)
  })
  t.same([...statuses], [200], 'every answer is 200')
  t.equal(idp.counts.reuse, 0, 'no refresh token was used twice')
  t.equal(idp.counts.revoked, 0)
  t.ok(idp.counts.refresh >= 6, 'tokens were renewed')
  t.ok(Date.now() - from > 5_000, 'and not more often than needed: each of both once in three seconds')
  t.equal(bascule.lines.filter((l) => l.level >= 50).length, 0, 'nothing was logged as an error')
})

t.test('100 parallel requests with an expired token cause exactly one refresh', async (t) => {
  const { idp, origin, bascule, analytics } = await startBridge(t, { accessTokenTtl: 1 })
  const ada = await loginByFetch(origin)
  await bascule.line((l) => l.msg.includes('bff_service_tokens_mapped'))
  await passed(1_100)
  idp.accessTokenTtl = 600 // on a slow machine the next one must not expire as well
  const before = idp.counts.refresh
  const answers = await Promise.all(Array.from({ length: 100 }, () => ada.fetch(both[0] as string)))
  t.ok(
    answers.every((a) => a.status === 200),
    'all are answered',
  )
  t.equal(idp.counts.refresh - before, 1)
  t.equal(idp.counts.reuse, 0)
  t.equal(new Set(analytics.requests.slice(-100).map((r) => r.headers.authorization)).size, 1, 'with one token')
})

t.test('a reload in the middle of it loses no session and starts no second queue', async (t) => {
  const bridge = await startBridge(t, { accessTokenTtl: 3 })
  const { idp, origin, bascule } = bridge
  const ada = await loginByFetch(origin)
  const statuses = new Set<number>()
  await through(6, bridge, async () => {
    const asked = both.map((path) => ada.fetch(path))
    t.ok(await bascule.server.reload())
    for (const answer of await Promise.all(asked)) statuses.add(answer.status)
  })
  t.same([...statuses], [200])
  t.equal(idp.counts.reuse, 0)
})

t.test('an audience the provider refuses takes nothing else down', async (t) => {
  for (const par of [false, true]) {
    const { idp, origin, bascule } = await startBridge(t, { par })
    idp.resources.delete('https://crud.ocg.labs.empowernow.ai')
    const ada = await loginByFetch(origin)
    t.equal((await ada.fetch(both[0] as string)).status, 200, par ? 'with PAR' : 'without PAR')
    const refused = await ada.fetch(both[1] as string)
    t.match(
      [refused.status, await refused.json()],
      [401, { code: 'NO_TOKEN_AVAILABLE', reason: 'denied_by_idp', service: 'crud_service' }],
    )
    t.equal(idp.counts.reuse, 0)
    t.ok(
      bascule.lines.some((l) => JSON.stringify(l).includes('invalid_target')),
      "the IdP's own words are in the log",
    )
  }
})

t.test('logout ends the session at once', async (t) => {
  const { origin } = await startBridge(t)
  const ada = await loginByFetch(origin)
  t.equal((await ada.fetch(both[0] as string)).status, 200)
  const out = await fetch(`${origin}/auth/logout`, {
    method: 'POST',
    headers: { cookie: ada.cookie, 'sec-fetch-site': 'same-origin' },
  })
  t.equal(out.status, 200)
  t.match((await out.json()) as object, { logout_url: /id_token_hint=/ })
  const after = await fetch(`${origin}${both[0]}`, { headers: { cookie: ada.cookie } })
  t.match([after.status, await after.json()], [401, { code: 'SESSION_REQUIRED', login_url: String }])
})
