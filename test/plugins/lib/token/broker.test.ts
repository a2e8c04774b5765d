import { inspect } from 'node:util'
import t from 'tap'
import { isRefused } from '../../../../plugins/lib/token/broker.ts'
import type { Credential } from '../../../../plugins/lib/upstream/upstream.ts'
import { audienceOf, issuer, jwt, oauthError, quiet, stand } from './broker-kit.ts'

const attempt = { method: 'GET', url: 'http://analytics/' }
const bearer = (got: Credential) => got.headers(attempt)[1] ?? ''
const good = (got: unknown): Credential => {
  if (typeof got !== 'object' || got === null || !('headers' in got)) throw new Error(`refused: ${JSON.stringify(got)}`)
  return got as Credential
}

t.test('a token is minted once and then served without a promise', async (t) => {
  const { broker, session, idp } = await stand()
  const first = good(await broker.credential(session, 'analytics'))
  const again = broker.credential(session, 'analytics')
  t.notOk(again instanceof Promise, 'no promise on the hot path')
  t.equal(good(again), first, 'the very same credential')
  t.equal(idp.asked.length, 1)
  t.same(idp.asked[0]?.params, { resource: audienceOf('analytics') })
  t.match(bearer(first), /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)
})

t.test('a credential prints as a fingerprint', async (t) => {
  const { broker, session } = await stand()
  const credential = good(await broker.credential(session, 'analytics'))
  const token = bearer(credential).slice('Bearer '.length)
  for (const text of [
    String(credential),
    JSON.stringify({ credential }),
    inspect({ credential }, { depth: 9, showHidden: true }),
  ]) {
    t.notOk(text.includes(token) || text.includes(token.slice(0, 30)), text)
    t.ok(text.includes(credential.fingerprint), 'the fingerprint is there')
  }
})

t.test('200 parallel requests with an expired token cause exactly one refresh', async (t) => {
  const { broker, session, idp, clock } = await stand()
  const old = bearer(good(await broker.credential(session, 'analytics')))
  await clock.pass(301_000)
  const all = await Promise.all(Array.from({ length: 200 }, () => broker.credential(session, 'analytics')))
  t.equal(idp.asked.length, 2, 'one refresh more')
  t.equal(new Set(all).size, 1, 'and one result for all')
  t.not(bearer(good(all[0])), old)
})

t.test('200 parallel requests to each of five services stand in one queue', async (t) => {
  const services = ['a', 'b', 'c', 'd', 'e']
  const { broker, session, idp, queue } = await stand({ services })
  const all = services.flatMap((service) =>
    Array.from({ length: 200 }, async () => [service, good(await broker.credential(session, service))] as const),
  )
  for (const [service, credential] of await Promise.all(all))
    if (credential.audience !== audienceOf(service)) t.fail('a token of another service')
  t.equal(idp.asked.length, 5)
  t.equal(idp.crowd, 1, 'never two redeems at a time')
  t.equal(new Set(idp.asked.map(({ refreshToken }) => refreshToken)).size, 5, 'each refresh token once')
  t.equal(idp.reused, 0)
  t.same(
    idp.asked.map(({ params }) => params.resource),
    services.map(audienceOf),
    'first asked, first served',
  )
  t.equal(queue.size, 0, 'nothing is left behind')
})

t.test('two services with one audience keep a token each', async (t) => {
  const wishes = ['a', 'b'].map((service) => ({ service, audience: audienceOf('shared'), scopes: [] }))
  const { broker, session, idp, sessions } = await stand({ wishes })
  await Promise.all([broker.credential(session, 'a'), broker.credential(session, 'b')])
  t.same(Object.keys(sessions.secretsOf(session).services), ['a', 'b'])
  t.equal(idp.asked.length, 2)
})

t.test('a token near its end is renewed in the background while it is still served', async (t) => {
  const { broker, session, idp, clock } = await stand()
  const first = good(await broker.credential(session, 'analytics'))
  await clock.pass(260_000)
  t.equal(good(broker.credential(session, 'analytics')), first, 'not yet')
  t.equal(idp.asked.length, 1)
  await clock.pass(15_000)
  for (let n = 0; n < 50; n++) t.equal(good(broker.credential(session, 'analytics')), first)
  await quiet()
  t.equal(idp.asked.length, 2, 'one renewal for fifty requests')
  const next = good(broker.credential(session, 'analytics'))
  t.not(next, first)
})

t.test('a user who clicks over many lifetimes of five seconds never gets a dead token', async (t) => {
  const { broker, session, idp, clock } = await stand({ services: ['a', 'b'] })
  idp.lifetime = 5
  for (let click = 0; click < 200; click++) {
    const credential = good(await broker.credential(session, click % 2 ? 'a' : 'b'))
    if (credential.expiresAt - clock.now() < 400) t.fail('sent too late')
    await clock.pass((click * 37) % 900)
  }
  t.equal(idp.reused, 0)
  t.equal(idp.crowd, 1)
})

t.test('while a renewal fails the token is used to its end', async (t) => {
  const { broker, session, idp, clock } = await stand()
  const first = good(await broker.credential(session, 'analytics'))
  idp.instead = () => Promise.reject(oauthError('server_error', 503))
  for (let second = 0; second < 298; second += 2) {
    t.equal(good(await broker.credential(session, 'analytics')), first)
    await clock.pass(2000)
  }
  await clock.pass(4000)
  t.match(await broker.credential(session, 'analytics'), { kind: 'unavailable', what: 'idp' })
  idp.instead = undefined
  await clock.pass(1000)
  t.not(good(await broker.credential(session, 'analytics')), first, 'and the session was kept')
})

t.test('a redeem that hangs: waiters leave after 5 s, it stays, and its late answer is kept', async (t) => {
  const { broker, session, idp, clock, log } = await stand({ services: ['a', 'b', 'live'] })
  const live = good(await broker.credential(session, 'live'))
  const release = idp.hang()
  const waiting = Promise.all([broker.credential(session, 'a'), broker.credential(session, 'b')])
  await clock.pass(5000)
  t.match(await waiting, [
    { kind: 'unavailable', what: 'idp' },
    { kind: 'unavailable', what: 'idp' },
  ])
  for (const service of ['a', 'b'])
    t.match(broker.credential(session, service), { kind: 'unavailable' }, 'later ones are told at once')
  t.equal(broker.credential(session, 'live'), live, 'what lives goes on')
  t.equal(idp.asked.length, 2, 'not asked again')
  t.ok(log.find('idp_unavailable'))
  await clock.pass(60_000)
  t.equal(idp.asked.length, 2, 'nor after a minute')
  release()
  await quiet()
  t.ok(log.find('idp_recovered'))
  t.notOk(broker.credential(session, 'a') instanceof Promise, 'the late token is there')
  t.equal(idp.asked.length, 3, 'and the service that stood behind it got its own')
  t.equal(idp.reused, 0)
})

t.test('an IdP that is away is probed, not hammered, and noticed within a second when it is back', async (t) => {
  const { broker, session, idp, clock } = await stand()
  idp.instead = () => Promise.reject(new TypeError('fetch failed'))
  for (let ms = 0; ms < 60_000; ms += 20) {
    const got = await broker.credential(session, 'analytics')
    if (!isRefused(got) || got.kind !== 'unavailable') t.fail(`unexpected ${JSON.stringify(got)}`)
    await clock.pass(20)
  }
  t.ok(idp.asked.length < 90, `asked ${idp.asked.length} times in a minute of 3,000 requests`)
  idp.instead = undefined
  await clock.pass(1000)
  good(await broker.credential(session, 'analytics'))
})

t.test('one lost answer refuses nobody else', async (t) => {
  const { broker, session, idp } = await stand({ services: ['a', 'b'] })
  idp.instead = () => Promise.reject(oauthError('temporarily_unavailable', 503))
  t.match(await broker.credential(session, 'a'), { kind: 'unavailable' })
  idp.instead = undefined
  good(await broker.credential(session, 'b'))
})

t.test('a dead refresh token ends the session', async (t) => {
  for (const error of [oauthError('invalid_grant'), Object.assign(new Error('unexpected'), { status: 400 })]) {
    const { broker, session, idp, sessions, log } = await stand()
    idp.instead = () => Promise.reject(error)
    const all = await Promise.all(Array.from({ length: 20 }, () => broker.credential(session, 'analytics')))
    t.strictSame(new Set(all.map((got) => 'kind' in got && got.kind)), new Set(['session_over']))
    t.equal(idp.asked.length, 1)
    t.equal(await sessions.update(session, (data) => ({ ...data })), 'gone')
    t.ok(log.find('session_grant_lost'))
  }
})

t.test('a client that the IdP does not know alarms, and logs nobody out', async (t) => {
  const { broker, session, idp, sessions, log } = await stand()
  idp.instead = () => Promise.reject(oauthError('invalid_client', 401))
  t.match(await broker.credential(session, 'analytics'), { kind: 'unavailable' })
  t.equal(log.find('idp_refuses_client')?.level, 'error')
  t.not(await sessions.update(session, (data) => ({ ...data })), 'gone')
})

t.test('a service that the IdP denies is asked for again after a while, and the others work on', async (t) => {
  const { broker, session, idp, clock, log } = await stand({ services: ['analytics', 'crud'] })
  idp.instead = (asked) =>
    asked.params.resource === audienceOf('analytics') ? Promise.reject(oauthError('invalid_target')) : idp.give(asked)
  const denied = { kind: 'refused', reason: 'denied_by_idp', stepUp: false }
  t.match(await broker.credential(session, 'analytics'), denied)
  t.match(broker.credential(session, 'analytics'), denied, 'remembered')
  good(await broker.credential(session, 'crud'))
  t.equal(idp.asked.length, 2)
  t.match(log.find('service_token_denied service=analytics'), { level: 'warn', fields: { error: /invalid_target/ } })
  idp.instead = undefined
  await clock.pass(10_000)
  good(await broker.credential(session, 'analytics'))
})

t.test('what was not granted at login is never asked for', async (t) => {
  const { broker, session, idp } = await stand({ services: ['a', 'b'], data: { grantedResources: [audienceOf('b')] } })
  t.match(broker.credential(session, 'a'), { kind: 'refused', reason: 'step_up', stepUp: true })
  good(await broker.credential(session, 'b'))
  t.equal(idp.asked.length, 1)
})

t.test('a token for somebody else is dropped, and the rotated refresh token kept', async (t) => {
  const { broker, session, idp, sessions, log, clock } = await stand({ services: ['a', 'b'] })
  idp.instead = (asked) => idp.give(asked, { aud: ['https://other.test'] })
  t.match(await broker.credential(session, 'a'), { kind: 'refused', reason: 'audience_mismatch' })
  t.match(log.find('service_token_audience_mismatch'), {
    level: 'error',
    fields: { service: 'a', expected: audienceOf('a'), got: ['https://other.test'] },
  })
  t.equal(sessions.secretsOf(session).refreshToken, 'R1')
  idp.instead = undefined
  good(await broker.credential(session, 'b'))
  t.equal(idp.reused, 0)
  await clock.pass(30_000)
  good(await broker.credential(session, 'a'))
})

t.test('an opaque token is a mismatch that says so', async (t) => {
  const { broker, session, idp, log } = await stand()
  idp.instead = async (asked) => ({ ...(await idp.give(asked)), accessToken: 'opaque-0123456789' })
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'token_opaque' })
  t.match(log.find('service_token_audience_mismatch')?.fields.error, /opaque token/)
  t.notOk(log.text.includes('opaque-0123456789'))
})

t.test('an opaque token is sent where config trusts it, or where the identity provider vouches for it', async (t) => {
  const opaque = 'opaque-0123456789'
  const trusting = await stand({ check: { opaque: 'trust' } })
  trusting.idp.instead = async (asked) => ({ ...(await trusting.idp.give(asked)), accessToken: opaque })
  good(await trusting.broker.credential(trusting.session, 'analytics'))

  const asking = await stand({ check: { opaque: 'introspect' } })
  const { idp, broker, session, sessions, clock } = asking
  idp.instead = async (asked) => ({ ...(await idp.give(asked)), accessToken: opaque })
  const audience = audienceOf('analytics')
  idp.introspect = async () => Promise.reject(oauthError('server_error', 500))
  t.match(await broker.credential(session, 'analytics'), { kind: 'unavailable', what: 'idp' })
  t.equal(sessions.secretsOf(session).refreshToken, 'R1', 'the rotated refresh token was kept before anybody was asked')
  idp.introspect = async () => ({ active: true, aud: 'https://other.test' })
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'audience_mismatch' })
  await clock.pass(25_000)
  idp.introspect = async () => ({ active: false, aud: audience })
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'wrong_token_type' })
  await clock.pass(25_000)
  idp.introspect = async () => ({ active: true, aud: [audience], exp: clock.wall() / 1000 + 60 })
  good(await broker.credential(session, 'analytics'))
})

t.test('a token minted for another configuration is never sent', async (t) => {
  const { broker, session, idp, reloaded } = await stand()
  const old = good(await broker.credential(session, 'analytics'))
  const wish = { service: 'analytics', audience: audienceOf('analytics'), scopes: ['application.all'] }
  const next = reloaded({ wishes: [wish] })
  t.ok(next.credential(session, 'analytics') instanceof Promise, 'minted anew')
  await quiet()
  t.not(good(next.credential(session, 'analytics')), old)
  t.equal(idp.asked[1]?.params.scope, 'application.all')
})

t.test('two generations share one queue for one session', async (t) => {
  const { broker, session, idp, reloaded } = await stand({ services: ['a', 'b'] })
  const next = reloaded({ services: ['a', 'b'] })
  await Promise.all([broker.credential(session, 'a'), next.credential(session, 'b'), next.credential(session, 'a')])
  t.equal(idp.crowd, 1)
  t.equal(idp.asked.length, 2)
  t.equal(idp.reused, 0)
})

t.test('the refresh token of one IdP is never shown to another', async (t) => {
  const { session, idp, reloaded } = await stand()
  const other = reloaded({ issuer: 'https://other-idp.test' })
  t.match(await other.credential(session, 'analytics'), { kind: 'session_over' })
  t.equal(idp.asked.length, 0)
})

t.test('a session that ended while its token was minted gets none', async (t) => {
  const { broker, session, idp, sessions } = await stand()
  const release = idp.hang()
  const waiting = broker.credential(session, 'analytics')
  await quiet()
  await sessions.end(session)
  release()
  t.match(await waiting, { kind: 'session_over' })
  t.strictSame(idp.revoked, ['R1'], 'and the refresh token that came with it is given back')
})

t.test('nor is one told of a refusal: a login is what is missing', async (t) => {
  const { broker, session, sessions, idp } = await stand()
  idp.instead = async () => {
    await sessions.end(session, 'logout')
    throw oauthError('invalid_target')
  }
  t.match(await broker.credential(session, 'analytics'), { kind: 'session_over' })
})

t.test('a wall clock set back or forth neither sends an expired token nor loses a session', async (t) => {
  for (const jump of [-300_000, 300_000]) {
    const { broker, session, clock, idp } = await stand()
    good(await broker.credential(session, 'analytics'))
    clock.jump(jump)
    await clock.pass(301_000)
    const next = good(await broker.credential(session, 'analytics'))
    t.ok(Math.abs(next.expiresAt - clock.now() - 300_000) < 2000, 'counted by the steady clock')
    t.equal(idp.asked.length, 2)
  }
})

t.test('a service without an audience has no mapping', async (t) => {
  const { broker, session } = await stand({ unmapped: ['lost'] })
  for (const name of ['lost', 'constructor', '__proto__'])
    t.match(broker.credential(session, name), { kind: 'refused', reason: 'no_mapping' })
})

t.test('after a login all services are minted and the log says so once', async (t) => {
  const { broker, session, idp, log } = await stand({ services: ['a', 'denied', 'b'] })
  idp.instead = (asked) =>
    asked.params.resource === audienceOf('denied') ? Promise.reject(oauthError('invalid_target')) : idp.give(asked)
  const early = broker.prefetch(session)
  good(await broker.credential(session, 'b'))
  await early
  t.equal(idp.asked.length, 3, 'a request that came in between waited for the same mint')
  const lines = log.lines.filter(({ msg }) => msg.includes('bff_service_tokens_mapped'))
  t.match(lines, [{ level: 'info', fields: { services: ['a', 'b'], sub: 'ada' } }])
  t.equal(lines.length, 1)
})

t.test('the state of each service can be told', async (t) => {
  const names = ['ready', 'later', 'denied', 'stranger']
  const wishes = [
    ...names.map((service) => ({ service, audience: audienceOf(service), scopes: [] })),
    { service: 'word', audience: 'empowernow', scopes: [] },
  ]
  const { broker, session, idp } = await stand({
    wishes,
    unmapped: ['lost'],
    data: { grantedResources: ['ready', 'later', 'denied'].map(audienceOf) },
  })
  await broker.credential(session, 'ready')
  idp.instead = () => Promise.reject(oauthError('invalid_target'))
  await broker.credential(session, 'denied')
  t.match(broker.states(session), {
    ready: { audience: audienceOf('ready'), state: 'ready', expires_at: /^\d{4}-\d\d-\d\dT.*Z$/ },
    later: { state: 'mintable', expires_at: null },
    denied: { state: 'misconfigured', expires_at: null, reason: 'denied_by_idp' },
    stranger: { state: 'step_up', reason: 'step_up' },
    word: { audience: 'empowernow', state: 'misconfigured', reason: 'not_mintable' },
    lost: { audience: null, state: 'misconfigured', reason: 'no_mapping' },
  })
})

t.test('no token, refresh token or session id is in a log line or a state', async (t) => {
  const { broker, session, idp, log } = await stand({ services: ['a', 'b'] })
  const token = bearer(good(await broker.credential(session, 'a'))).slice('Bearer '.length)
  idp.instead = ({ refreshToken }) =>
    Promise.reject(
      Object.assign(oauthError('invalid_target'), { error_description: `no resource for ${refreshToken}!` }),
    )
  await broker.credential(session, 'b')
  t.match(log.find('service_token_denied')?.fields.error, /no resource for \[token\]!/)
  for (const text of [log.text, JSON.stringify(broker.states(session))]) t.notOk(text.includes(token))
})

t.test('a token that had expired when it came is refused, with a word on clocks', async (t) => {
  const { broker, session, idp, log, clock } = await stand()
  idp.instead = async (asked) => ({
    ...(await idp.give(asked)),
    accessToken: jwt({ iss: issuer, aud: audienceOf('analytics'), exp: clock.wall() / 1000 - 600 }),
  })
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'token_expired' })
  t.match(log.find('service_token_unusable')?.fields.error, /expired 600 s ago; compare the clocks/)
})

t.test('a token that lived its life on the way is a passing fault, and its refresh token is kept', async (t) => {
  const { broker, session, sessions, idp, log, clock } = await stand()
  idp.lifetime = 2
  idp.instead = async (asked) => {
    const answer = await idp.give(asked)
    await clock.pass(3000)
    return answer
  }
  t.match(await broker.credential(session, 'analytics'), { kind: 'unavailable', what: 'idp' })
  t.equal(sessions.secretsOf(session).refreshToken, 'R1')
  t.match(log.find('idp_request_failed')?.fields.error, /took longer than the token lives/)
  idp.instead = undefined
  good(await broker.credential(session, 'analytics'))
  t.equal(idp.reused, 0)
})

t.test('of an answer that took longer than expires_in, exp tells how long the token lives', async (t) => {
  const { broker, session, idp, clock } = await stand()
  idp.instead = async (asked) => {
    const answer = await idp.give(asked, { exp: clock.wall() / 1000 + 300 })
    await clock.pass(3000)
    return { ...answer, expiresAt: clock.wall() - 1000 }
  }
  const credential = good(await broker.credential(session, 'analytics'))
  t.ok(credential.expiresAt > clock.now() + 290_000)
})

t.test('an identity provider that gives dead tokens is not asked at each request', async (t) => {
  const { broker, session, idp, clock } = await stand()
  idp.lifetime = 0
  idp.instead = (asked) => idp.give(asked, { exp: clock.wall() / 1000 - 5 })
  for (let n = 0; n < 5; n++)
    t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'token_expired' })
  t.equal(idp.asked.length, 1)
})

t.test('a token that lives is used to its end, also when its renewal is denied or brings a wrong one', async (t) => {
  const audience = 'https://somebody.test'
  for (const instead of ['denied', 'wrong'] as const) {
    const { broker, session, idp, clock } = await stand()
    const first = good(await broker.credential(session, 'analytics'))
    idp.instead = (asked) =>
      instead === 'wrong' ? idp.give(asked, { aud: audience }) : Promise.reject(oauthError('invalid_target'))
    await clock.pass(275_000)
    for (let n = 0; n < 20; n++) {
      t.equal(bearer(good(await broker.credential(session, 'analytics'))), bearer(first))
      await quiet()
    }
    t.equal(idp.asked.length, 2, 'the refusal is believed meanwhile')
    t.match(broker.states(session).analytics, { state: 'ready' })
    await clock.pass(26_000)
    for (let n = 0; n < 2; n++)
      t.equal(
        ((await broker.credential(session, 'analytics')) as { kind?: string }).kind,
        'refused',
        'a dead one is not',
      )
    idp.instead = undefined
    await clock.pass(21_000)
    good(await broker.credential(session, 'analytics'))
  }
})

t.test('a service that refuses a token gets none for another audience, whatever a reload calls it', async (t) => {
  const { broker, session, idp } = await stand()
  const { audience, expiresAt, headers } = good(await broker.credential(session, 'analytics'))
  const ask = (audience: string) => {
    const credential = { audience, expiresAt, headers, fingerprint: 'of what was sent' }
    return broker.refused(session, { service: 'analytics', credential, challenge: undefined, replayable: true })
  }
  t.equal(ask('https://before-the-reload.test'), undefined)
  t.equal(idp.asked.length, 1)
  t.equal((await ask(audience))?.audience, audience)
})
