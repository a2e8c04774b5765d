import { Buffer } from 'node:buffer'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { makeIdp } from '../../../../plugins/lib/idp/idp.ts'
import { classify } from '../../../../plugins/lib/idp/idp-errors.ts'
import { freePort } from '../../../kit/bascule.ts'

interface Answer {
  readonly status: number
  readonly type?: string
  readonly body?: string
  readonly headers?: Record<string, string>
}

/** What a refresh is told, through the real library. */
async function refreshed(t: Test, answer: Answer) {
  const server = createServer((req, res) => {
    if (req.url?.includes('.well-known')) {
      const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      res.setHeader('content-type', 'application/json')
      return res.end(JSON.stringify({ issuer, token_endpoint: `${issuer}/token` }))
    }
    res.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json', ...answer.headers })
    return res.end(answer.body ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const idp = makeIdp({ issuer, client_id: 'bff-server', client_secret: 's', client_auth: 'client_secret_post' })
  return idp.refresh('rt', {})
}

const json = (error: string, error_description?: string) => JSON.stringify({ error, error_description })
const basic = { 'www-authenticate': 'Basic realm="idp"' }

const cases: readonly (readonly [name: string, kind: string, answer: Answer])[] = [
  ['invalid_grant', 'dead', { status: 400, body: json('invalid_grant', 'expired') }],
  ['invalid_grant with 403 (Auth0)', 'dead', { status: 403, body: json('invalid_grant') }],
  [
    'invalid_grant for want of consent to one API (Entra)',
    'denied',
    {
      status: 400,
      body: JSON.stringify({ error: 'invalid_grant', suberror: 'consent_required', error_codes: [65001] }),
    },
  ],
  [
    'invalid_grant for a token that is bad (Entra)',
    'dead',
    { status: 400, body: JSON.stringify({ error: 'invalid_grant', suberror: 'bad_token' }) },
  ],
  ['an empty 400 (Glewlwyd)', 'dead', { status: 400, type: 'text/plain' }],
  ['a bare 401 with a challenge (LemonLDAP)', 'dead', { status: 401, type: 'text/html', headers: basic }],
  ['invalid_target', 'denied', { status: 400, body: json('invalid_target') }],
  ['invalid_scope', 'denied', { status: 400, body: json('invalid_scope') }],
  ['unauthorized_client', 'denied', { status: 400, body: json('unauthorized_client') }],
  ['invalid_client', 'misconfigured', { status: 400, body: json('invalid_client') }],
  ['invalid_client with a challenge', 'misconfigured', { status: 401, body: json('invalid_client'), headers: basic }],
  ['an OAuth error under a wrong type', 'denied', { status: 400, type: 'text/plain', body: json('invalid_target') }],
  ['temporarily_unavailable', 'transient', { status: 400, body: json('temporarily_unavailable') }],
  ['a 429', 'transient', { status: 429, body: json('invalid_grant') }],
  ['a 403 without a word', 'dead', { status: 403, type: 'text/html', body: '<h1>no' }],
  [
    'HTML with 200, as a proxy in between says it',
    'transient',
    { status: 200, type: 'text/html', body: '<h1>welcome' },
  ],
  ['slow_down', 'transient', { status: 400, body: json('slow_down') }],
  ['a 408', 'transient', { status: 408, type: 'text/plain' }],
  ['a 500', 'transient', { status: 500, type: 'text/html', body: '<h1>oops' }],
  ['a 503 in JSON', 'transient', { status: 503, body: json('invalid_grant') }],
  [
    'more than a MiB',
    'transient',
    { status: 200, body: `{"access_token":"${'a'.repeat(1_100_000)}","token_type":"bearer"}` },
  ],
]
for (const [name, kind, answer] of cases)
  t.test(`${name} means ${kind}`, async (t) => {
    const error = await refreshed(t, answer).then(
      () => undefined,
      (failed: unknown) => failed,
    )
    t.equal(classify(error).kind, kind)
    t.not(classify(error).words, '')
  })

t.test('a closed port is a passing fault, and the words say so', async (t) => {
  const idp = makeIdp({
    issuer: `http://127.0.0.1:${await freePort()}`,
    client_id: 'b',
    client_secret: 's',
    client_auth: 'client_secret_post',
  })
  const error = await idp.refresh('rt', {}).catch((failed: unknown) => failed)
  t.match(classify(error), { kind: 'transient', words: /ECONNREFUSED|refused/i })
})

t.test('no answer in time is a passing fault', async (t) => {
  t.match(classify(new DOMException('no answer', 'TimeoutError')), { kind: 'transient' })
})

t.test("a refresh's unusable ID token does not lose the rotated refresh token", async (t) => {
  const body = JSON.stringify({ access_token: 'at', token_type: 'Bearer', refresh_token: 'rt-2', id_token: 'x.y.z' })
  t.match(await refreshed(t, { status: 200, body }), { accessToken: 'at', refreshToken: 'rt-2' })
})

t.test('without expires_in the exp of the token counts, else a minute', async (t) => {
  const jwt = `e30.${Buffer.from(JSON.stringify({ exp: 4_000_000_000 })).toString('base64url')}.x`
  const told = async (access_token: string, more = {}) =>
    (await refreshed(t, { status: 200, body: JSON.stringify({ access_token, token_type: 'Bearer', ...more }) }))
      .expiresAt
  t.equal(await told(jwt), 4_000_000_000_000)
  for (const [token, more, seconds] of [
    ['opaque', {}, 60],
    [jwt, { expires_in: 5 }, 5],
  ] as const) {
    const left = (await told(token, more)) - Date.now()
    t.ok(left > (seconds - 3) * 1000 && left <= seconds * 1000)
  }
})

t.test("foreign words cannot break the log's line", async (t) => {
  const words = classify({ error: 'x\ny', error_description: `a\u0000b${'c'.repeat(500)}` }).words
  t.notMatch(words, /\p{Cc}/u)
  t.ok(words.length < 700)
})
