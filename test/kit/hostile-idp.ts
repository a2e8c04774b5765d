// An identity provider that says whatever the test wants: for answers that no real one gives.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { TestLike } from './bascule.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface HostileIdp {
  readonly issuer: string
  /** Over what a good ID token says; undefined takes a claim away. */
  claims: Claims
  /** Over what a good token answer says, its `id_token` included. */
  answer: Claims
  /** Instead of the token answer. */
  instead: ((res: ServerResponse) => unknown) | undefined
  /** Access tokens with these claims over the good ones. */
  access: Claims
  /** What it says of a token that it is asked about (RFC 7662); undefined: it breaks. */
  introspected: Claims | undefined
  /** Tokens it was asked about. */
  readonly introspections: string[]
  /** Its signing keys cannot be had. */
  keysAway: boolean
  /** How often it was asked for them. */
  keysAsked: number
  /** What its userinfo endpoint says. */
  userinfo: Claims
  /** Over what its metadata says. */
  metadata: Claims
  sign(claims: Claims, header?: Readonly<Record<string, string>>): Promise<string>
  /** Forms posted to the token endpoint. */
  readonly asked: URLSearchParams[]
}

export async function startHostileIdp(t: TestLike): Promise<HostileIdp> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const nonces = new Map<string, string>()
  const idp: HostileIdp = {
    ...{
      issuer,
      claims: {},
      answer: {},
      access: {},
      userinfo: {},
      metadata: {},
      instead: undefined,
      keysAway: false,
      keysAsked: 0,
      asked: [],
      introspected: undefined,
      introspections: [],
    },
    sign: (claims, header = {}) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k', ...header }).sign(privateKey),
  }
  const json = (res: ServerResponse, value: unknown) =>
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))

  async function tokens(form: URLSearchParams) {
    const at = Math.floor(Date.now() / 1000)
    const usual = { iss: issuer, sub: 'ada', exp: at + 300, iat: at }
    const nonce = nonces.get(form.get('code') ?? '')
    const aud = form.get('resource') ?? 'https://nobody.test'
    return {
      token_type: 'Bearer',
      expires_in: 300,
      access_token: await idp.sign({ ...usual, aud, ...idp.access }),
      refresh_token: 'refresh-1',
      id_token: await idp.sign({ ...usual, aud: 'bff', nonce, ...idp.claims }),
      ...idp.answer,
    }
  }

  server.on('request', async (req, res) => {
    const url = new URL(req.url ?? '/', issuer)
    if (url.pathname.startsWith('/.well-known')) return json(res, { ...metadata(issuer), ...idp.metadata })
    if (url.pathname === '/jwks') idp.keysAsked++
    if (url.pathname === '/jwks' && idp.keysAway) return res.writeHead(500).end()
    if (url.pathname === '/jwks') return json(res, { keys: [jwk] })
    if (url.pathname === '/auth') {
      const code = crypto.randomUUID()
      nonces.set(code, url.searchParams.get('nonce') ?? '')
      const back = new URL(url.searchParams.get('redirect_uri') ?? '')
      back.search = String(new URLSearchParams({ code, state: url.searchParams.get('state') ?? '' }))
      return res.writeHead(303, { location: back.href }).end()
    }
    if (url.pathname === '/userinfo') return json(res, { sub: 'ada', ...idp.userinfo })
    let body = ''
    for await (const piece of req.setEncoding('utf8')) body += piece
    const form = new URLSearchParams(body)
    if (url.pathname === '/introspect') {
      idp.introspections.push(form.get('token') ?? '')
      return idp.introspected === undefined ? res.writeHead(500).end() : json(res, idp.introspected)
    }
    idp.asked.push(form)
    if (idp.instead !== undefined) return idp.instead(res)
    return json(res, await tokens(form))
  })
  return idp
}

function metadata(issuer: string) {
  return {
    ...{ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` },
    jwks_uri: `${issuer}/jwks`,
    introspection_endpoint: `${issuer}/introspect`,
    userinfo_endpoint: `${issuer}/userinfo`,
    // What it offers must not widen what is taken.
    id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
  }
}
