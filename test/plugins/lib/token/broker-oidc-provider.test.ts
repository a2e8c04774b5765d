// The broker against a real provider that rotates refresh tokens and revokes the family when one comes twice.
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { type Idp, makeIdp } from '../../../../plugins/lib/idp/idp.ts'
import { KeyRing } from '../../../../plugins/lib/session/seal.ts'
import type { Session, Sessions } from '../../../../plugins/lib/session/session.ts'
import { makeSessions } from '../../../../plugins/lib/session/sessions.ts'
import { type Broker, createBroker } from '../../../../plugins/lib/token/broker.ts'
import { RedeemQueue } from '../../../../plugins/lib/token/redeem-queue.ts'
import { type Clock, clock as realClock } from '../../../../plugins/lib/util/clock.ts'
import resource from '../../../../plugins/minter/resource.ts'
import { MemoryStore } from '../../../../plugins/session-store/memory.ts'
import { CookieJar } from '../../../kit/cookie-jar.ts'
import { analyticsAudience, crudAudience, type StrictIdp, startStrictIdp } from '../../../kit/strict-idp.ts'
import { LogBook, opened, plansOf } from './broker-kit.ts'

const audiences = { analytics: analyticsAudience, crud: crudAudience }
const services = Object.keys(audiences)
const redirect = 'http://127.0.0.1/auth/callback'

/** Lifetimes pass when the test says so; `exp` is still judged by the true time. */
class SkippingClock implements Clock {
  #ahead = 0
  now = () => realClock.now() + this.#ahead
  wall = () => Date.now()
  after = realClock.after
  skip(ms: number): void {
    this.#ahead += ms
  }
}

interface Signed {
  readonly broker: Broker
  readonly session: Session
  readonly sessions: Sessions
  readonly clock: SkippingClock
  readonly log: LogBook
}

async function signIn(provider: StrictIdp): Promise<Signed> {
  const { issuer, clientId: client_id, clientSecret: client_secret } = provider
  const idp = makeIdp({ issuer, client_id, client_secret, client_auth: 'client_secret_post' })
  const { refreshToken, claims } = await login(idp)
  const clock = new SkippingClock()
  const log = new LogBook()
  const sessions = makeSessions(new MemoryStore(), new KeyRing(['0123456789abcdef0123456789abcdef']), 3_600_000)
  const broker = createBroker({
    ...{
      sessions,
      idp,
      issuer,
      clock,
      log,
      unmapped: [],
      queue: new RedeemQueue(clock),
    },
    plans: plansOf(
      Object.entries(audiences).map(([service, audience]) => ({ service, audience, scopes: ['application.all'] })),
      await opened(resource),
      issuer,
    ),
    background: (work) => void work.catch((error: unknown) => t.fail(String(error))),
  })
  const { session } = await sessions.create({
    ...{ v: 1, issuer, origin: 'http://127.0.0.1', sub: claims.sub, provider: 'test', user: { sub: claims.sub } },
    ...{ authTime: clock.now(), createdAt: clock.now(), endsAt: clock.now() + 3_600_000, services: {} },
    ...(refreshToken === undefined ? {} : { refreshToken }),
    grantedScopes: 'openid offline_access application.all',
    grantedResources: Object.values(audiences),
  })
  return { broker, session, sessions, clock, log }
}

async function login(idp: Idp) {
  const codeVerifier = 'v'.repeat(43)
  const checks = { state: 's'.repeat(22), nonce: 'n'.repeat(22), codeVerifier }
  const start = await idp.authorizationUrl([
    ['response_type', 'code'],
    ['redirect_uri', redirect],
    ['scope', 'openid offline_access application.all'],
    ['state', checks.state],
    ['nonce', checks.nonce],
    ['code_challenge', createHash('sha256').update(codeVerifier).digest('base64url')],
    ['code_challenge_method', 'S256'],
    ...Object.values(audiences).map((audience): [string, string] => ['resource', audience]),
  ])
  const jar = new CookieJar()
  let url = start.href
  while (!url.startsWith(redirect)) {
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie: jar.header(url) ?? '' } })
    jar.keep(url, answer.headers)
    const location = answer.headers.get('location')
    if (location === null) throw new Error(await answer.text())
    url = new URL(location, url).href
  }
  return idp.codeGrant(new URL(url), checks, [['resource', analyticsAudience]])
}

const audOf = (bearer: string): unknown =>
  JSON.parse(Buffer.from(bearer.split('.')[1] ?? '', 'base64url').toString()).aud

t.test('many lifetimes, hundreds of parallel requests: no refusal, no refresh token spent twice', async (t) => {
  await using provider = await startStrictIdp({ accessTokenTtl: 5 })
  const { broker, session, clock } = await signIn(provider)
  for (let life = 1; life <= 8; life++) {
    const all = Array.from({ length: 200 }, (_, n) => broker.credential(session, services[n % 2] ?? ''))
    for (const [n, got] of (await Promise.all(all)).entries()) {
      if ('kind' in got) return t.fail(JSON.stringify(got))
      const token = got.headers({ method: 'GET', url: '' })[1] ?? ''
      if (audOf(token) !== Object.values(audiences)[n % 2]) t.fail('a token for another service')
    }
    t.equal(provider.counts.refresh, life * 2, 'one redeem a service and lifetime')
    clock.skip(5000)
  }
  t.match(provider.counts, { reuse: 0, revoked: 0 })
})

t.test('an audience that is taken out and put back', async (t) => {
  await using provider = await startStrictIdp({ rotate: false })
  const { broker, session, clock, log } = await signIn(provider)
  await broker.prefetch(session)
  provider.resources.delete(analyticsAudience)
  clock.skip(5000)
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'denied_by_idp' })
  t.match(await broker.credential(session, 'crud'), { audience: crudAudience }, 'the other service goes on')
  t.match(log.find('service_token_denied service=analytics')?.fields.error, /invalid_target/)
  provider.resources.set(analyticsAudience, 'application.all')
  clock.skip(10_000)
  t.match(await broker.credential(session, 'analytics'), { audience: analyticsAudience }, 'without a new login')
})

t.test('a provider that spends the refresh token and refuses then: the log says which refusal it was', async (t) => {
  await using provider = await startStrictIdp()
  const { broker, session, clock, log } = await signIn(provider)
  await broker.prefetch(session)
  const crud = broker.credential(session, 'crud')
  provider.resources.delete(analyticsAudience)
  clock.skip(2000)
  t.equal(broker.credential(session, 'crud'), crud, 'what lives is used on')
  clock.skip(3000)
  t.match(await broker.credential(session, 'analytics'), { kind: 'refused', reason: 'denied_by_idp' })
  t.match(await broker.credential(session, 'crud'), { kind: 'session_over' })
  t.match(log.find('session_grant_lost')?.fields, { service: 'crud', refused_before: ['analytics'] })
  t.equal(provider.counts.reuse, 1, 'and it is not tried again')
})

const answers: readonly (readonly [string, (res: ServerResponse) => void, string])[] = [
  ['an empty 400', (res) => res.writeHead(400).end(), 'session_over'],
  ['a 403 with invalid_grant', (res) => json(res, 403, { error: 'invalid_grant' }), 'session_over'],
  ['a 503 in HTML', (res) => res.writeHead(503, { 'content-type': 'text/html' }).end('<h1>away</h1>'), 'unavailable'],
  ['a 200 in HTML', (res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>'), 'unavailable'],
  ['a 429', (res) => res.writeHead(429).end(), 'unavailable'],
  ['a torn connection', (res) => res.destroy(), 'unavailable'],
  ['invalid_scope', (res) => json(res, 400, { error: 'invalid_scope' }), 'refused'],
  ['a 401 with invalid_client', (res) => json(res, 401, { error: 'invalid_client' }), 'unavailable'],
]

function json(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

for (const [what, give, kind] of answers)
  t.test(`${what} to a refresh: ${kind}`, async (t) => {
    await using provider = await startStrictIdp()
    const { broker, session, sessions } = await signIn(provider)
    provider.intercept = (req, res) => {
      if (req.url !== '/token') return false
      give(res)
      return true
    }
    t.match(await broker.credential(session, 'crud'), { kind })
    const over = (await sessions.update(session, (data) => ({ ...data }))) === 'gone'
    t.equal(over, kind === 'session_over', 'and the session is kept unless it is over')
  })

const unusable: readonly (readonly [string, object])[] = [
  ['no token_type', { access_token: 'x' }],
  ['another token_type', { access_token: 'x', token_type: 'mac' }],
  ['N_A', { access_token: 'x', token_type: 'N_A' }],
  ['DPoP, unasked', { access_token: 'x', token_type: 'DPoP' }],
  ['no access token', { token_type: 'Bearer' }],
  ['a life below nothing', { access_token: 'x', token_type: 'Bearer', expires_in: -1 }],
  ['a life in words', { access_token: 'x', token_type: 'Bearer', expires_in: 'soon' }],
  ['scopes in a list', { access_token: 'x', token_type: 'Bearer', scope: ['a'] }],
  ['a token of 64 kB', { access_token: 'x'.repeat(65_536), token_type: 'Bearer' }],
]

t.test('an answer that cannot be used does not cost the refresh token that is in it', async (t) => {
  await using provider = await startStrictIdp()
  const { broker, session, sessions, clock } = await signIn(provider)
  for (const [n, [what, answer]] of unusable.entries()) {
    clock.skip(60_000)
    provider.intercept = (req, res) => {
      if (req.url !== '/token') return false
      json(res, 200, { ...answer, refresh_token: `rotated-${n}` })
      return true
    }
    t.match(await broker.credential(session, 'crud'), { kind: 'refused' }, what)
    t.equal(sessions.secretsOf(session).refreshToken, `rotated-${n}`, what)
  }
})

t.test('an answer that comes after everybody left is kept', async (t) => {
  await using provider = await startStrictIdp()
  const { broker, session, sessions } = await signIn(provider)
  const before = sessions.secretsOf(session).refreshToken
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const seen = new Promise<void>((resolve) => {
    provider.intercept = async () => {
      resolve()
      await held
      return false
    }
  })
  const waiting = broker.credential(session, 'crud')
  await seen
  t.equal(sessions.secretsOf(session).refreshToken, before)
  release()
  await waiting
  t.not(sessions.secretsOf(session).refreshToken, before)
  t.equal(provider.counts.reuse, 0)
})

t.test('signing keys that cannot be had just now cost nobody the rotated refresh token', async (t) => {
  for (const status of [503, 403]) {
    await using provider = await startStrictIdp()
    const { broker, session, sessions } = await signIn(provider)
    const before = sessions.secretsOf(session).refreshToken
    provider.intercept = (req, res) => {
      if (!req.url?.startsWith('/jwks')) return false
      res.writeHead(status).end()
      return true
    }
    t.match(await broker.credential(session, 'crud'), { audience: crudAudience })
    t.not(sessions.secretsOf(session).refreshToken, before)
  }
})
