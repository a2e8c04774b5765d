// A small OpenID provider that can play the habits of a family of providers at its token endpoint. Signs in at once.
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** Answers that are no token: status, and a body as it goes out. */
export class Refuse extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Entra's closer word. */
  readonly suberror: string | undefined
  constructor(error: string, status = 400, headers: Readonly<Record<string, string>> = {}, suberror?: string) {
    super(error)
    this.status = status
    this.headers = headers
    this.suberror = suberror
  }
}

/** What one login holds, as the provider sees it. */
export interface Grant {
  readonly sub: string
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  /** The one that works; undefined: revoked. */
  refresh: string | undefined
  /** Of the last rotation, where a provider narrows. */
  bound?: string | undefined
}

export interface Issued {
  readonly aud: string | readonly string[]
  readonly scope?: string
  /** Over the usual ones: `iss`, `exp`. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** RFC 8693. */
  readonly issued_token_type?: string
  /** Of the access token, in seconds; 300 unless said. */
  readonly lifetime?: number
  /** A new refresh token with it. */
  readonly rotate?: boolean
}

/** How a family answers its token endpoint. `Refuse` is thrown. */
export interface Family {
  /** The login's own access token. */
  login(params: URLSearchParams, grant: Grant): Issued
  refresh(params: URLSearchParams, grant: Grant): Issued
  exchange?(params: URLSearchParams, grant: Grant): Issued
  /** Checks an authorization request. */
  authorize?(params: URLSearchParams): void
  /** The answer to a refresh token that is dead or unknown. Unless given: 400 invalid_grant. */
  readonly dead?: () => Refuse
}

export interface FamilyIdp {
  readonly issuer: string
  /** `authorize`, `silent` (with `prompt=none`), `code`, `refresh:AUDIENCE`, `exchange:AUDIENCE`, `refused:ERROR`, `reuse`. */
  readonly events: string[]
  /** Who is signed in there, unless the login says `login_hint`. Undefined: nobody, so `prompt=none` is refused, and a page signs in ada. */
  user: string | undefined
  /** Asked with each authorization request, and may wait: the answer goes out when it settles. */
  pause: ((params: URLSearchParams) => Promise<void>) | undefined
  /** Refresh tokens that were given back. */
  readonly revoked: string[]
  family: Family
  close(): Promise<void>
}

export async function startFamilyIdp(family: Family): Promise<FamilyIdp> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  const grants = new Map<string, Grant>()
  const codes = new Map<string, { readonly grant: Grant; readonly params: URLSearchParams }>()
  const accesses = new Map<string, Grant>()
  const events: string[] = []
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const revoked: string[] = []
  const idp: FamilyIdp = { issuer, events, user: 'ada', pause: undefined, revoked, family, close }

  async function close(): Promise<void> {
    server.closeAllConnections()
    if (server.listening) await new Promise((done) => server.close(done))
  }

  const sign = (claims: Record<string, unknown>, typ: string) =>
    new SignJWT({ iss: issuer, jti: randomUUID(), exp: seconds() + 300, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ })
      .setIssuedAt()
      .sign(privateKey)

  async function answerWith(grant: Grant, { aud, scope, claims, rotate, issued_token_type, lifetime = 300 }: Issued) {
    const access_token = await sign(
      { sub: grant.sub, aud, scope: scope ?? grant.scopes.join(' '), exp: seconds() + lifetime, ...claims },
      'at+jwt',
    )
    accesses.set(access_token, grant)
    if (rotate) renew(grant)
    return {
      ...{ access_token, token_type: 'Bearer', expires_in: lifetime },
      ...(scope === undefined ? {} : { scope }),
      ...(rotate ? { refresh_token: grant.refresh } : {}),
      ...(issued_token_type === undefined ? {} : { issued_token_type }),
    }
  }

  function renew(grant: Grant): void {
    grant.refresh = `rt-${randomUUID()}`
    grants.set(grant.refresh, grant)
  }

  async function token(params: URLSearchParams): Promise<object> {
    switch (params.get('grant_type')) {
      case 'authorization_code': {
        const code = codes.get(params.get('code') ?? '')
        codes.delete(params.get('code') ?? '')
        const challenge = createHash('sha256')
          .update(params.get('code_verifier') ?? '')
          .digest('base64url')
        if (code?.params.get('code_challenge') !== challenge) throw new Refuse('invalid_grant')
        const { grant } = code
        events.push('code')
        renew(grant)
        const answer = await answerWith(grant, idp.family.login(params, grant))
        const id_token = await sign({ sub: grant.sub, aud: 'bff', nonce: code.params.get('nonce') }, 'JWT')
        return { ...answer, refresh_token: grant.refresh, id_token, scope: grant.scopes.join(' ') }
      }
      case 'refresh_token': {
        const given = params.get('refresh_token') ?? ''
        const grant = grants.get(given)
        if (grant === undefined || grant.refresh !== given) {
          events.push('reuse')
          if (grant !== undefined) grant.refresh = undefined
          throw idp.family.dead?.() ?? new Refuse('invalid_grant')
        }
        const issued = idp.family.refresh(params, grant)
        events.push(`refresh:${[issued.aud].flat().join(',')}`)
        return answerWith(grant, issued)
      }
      case 'urn:ietf:params:oauth:grant-type:token-exchange': {
        const grant = accesses.get(params.get('subject_token') ?? '')
        if (grant === undefined || idp.family.exchange === undefined) throw new Refuse('invalid_grant')
        const issued = idp.family.exchange(params, grant)
        events.push(`exchange:${[issued.aud].flat().join(',')}`)
        return answerWith(grant, issued)
      }
      default:
        throw new Refuse('unsupported_grant_type')
    }
  }

  function authorize(params: URLSearchParams): string {
    const back = new URL(params.get('redirect_uri') ?? '')
    back.searchParams.set('state', params.get('state') ?? '')
    back.searchParams.set('iss', issuer)
    try {
      idp.family.authorize?.(params)
      if (params.get('prompt') === 'none' && idp.user === undefined) throw new Refuse('login_required')
      idp.user ??= 'ada'
      const sub = params.get('login_hint') ?? idp.user
      const scopes = (params.get('scope') ?? '').split(' ')
      const code = randomUUID()
      codes.set(code, { grant: { sub, scopes, resources: params.getAll('resource'), refresh: undefined }, params })
      back.searchParams.set('code', code)
      events.push(params.get('prompt') === 'none' ? 'silent' : 'authorize')
    } catch (error) {
      if (!(error instanceof Refuse)) throw error
      back.searchParams.set('error', error.message)
      events.push(`refused:${error.message}`)
    }
    return back.href
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(req.url ?? '/', issuer)
    const json = (status: number, body: object | string, headers = {}) =>
      res
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(typeof body === 'string' ? body : JSON.stringify(body))
    if (pathname === '/.well-known/openid-configuration') return void json(200, metadata(issuer))
    if (pathname === '/jwks') return void json(200, { keys: [jwk] })
    if (pathname === '/authorize') {
      await idp.pause?.(searchParams)
      return void res.writeHead(302, { location: authorize(searchParams) }).end()
    }
    let body = ''
    for await (const piece of req.setEncoding('utf8')) body += piece
    if (pathname === '/revoke') {
      revoked.push(new URLSearchParams(body).get('token') ?? '')
      return void json(200, {})
    }
    try {
      json(200, await token(new URLSearchParams(body)))
    } catch (error) {
      if (!(error instanceof Refuse)) throw error
      events.push(`refused:${error.message}`)
      const plain = error.message === '' || error.message.startsWith('<')
      json(error.status, plain ? error.message : { error: error.message, suberror: error.suberror }, error.headers)
    }
  }

  server.on(
    'request',
    (req, res) => void handle(req, res).catch((error: Error) => res.writeHead(500).end(error.message)),
  )
  return idp
}

const seconds = () => Math.floor(Date.now() / 1000)

function metadata(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
}
