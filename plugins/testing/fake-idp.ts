import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FakeGrants, type IdpAnswer, OAuthError } from './fake-grants.ts'

/** What `fakeIdp` takes. */
export interface FakeIdpOptions {
  /** Who is signed in, unless the login says `login_hint`. */
  readonly user?: string
  readonly clientId?: string
  readonly clientSecret?: string
  /** Seconds that access tokens live. */
  readonly accessTokenTtl?: number
  /** Audiences that may be asked for; others are `invalid_target`. All, unless given. */
  readonly audiences?: readonly string[]
}

/** A running identity provider, and what it was asked. */
export interface FakeIdp extends AsyncDisposable {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** For `auth` of settings.yaml. */
  readonly auth: Readonly<Record<'issuer' | 'client_id' | 'client_secret', string>>
  /** What was asked, in order: `authorize`, `code`, `refresh`, `revoke`, or the error that was answered. */
  readonly events: readonly string[]
  /** May be changed while it runs; undefined: all. */
  audiences: Set<string> | undefined
  /** Answers instead, for trying faults: `(path) => path === '/token' ? { status: 503 } : undefined`. */
  instead: ((path: string) => { readonly status: number; readonly body?: string } | undefined) | undefined
  close(): Promise<void>
}

/**
 * A small OpenID provider on loopback that signs in at once: discovery, code flow with PKCE, refresh tokens that rotate (one that comes
 * twice ends the grant), RFC 8707 resources, signed tokens. For tests of plugins; it knows no user, no consent and no browser.
 */
export async function fakeIdp(options: FakeIdpOptions = {}): Promise<FakeIdp> {
  const { clientId = 'bff-server', clientSecret = 'fake-idp-client-secret' } = options
  const server = createServer()
  const issuer = await listen(server)
  const grants = await FakeGrants.make({ ...options, issuer, clientId })
  const events: string[] = []
  const close = () => shut(server)
  const idp: FakeIdp = {
    ...{ issuer, clientId, clientSecret, events, close, instead: undefined },
    audiences: options.audiences && new Set(options.audiences),
    auth: { issuer, client_id: clientId, client_secret: clientSecret },
    [Symbol.asyncDispose]: close,
  }
  server.on('request', async (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '/', issuer)
    const fault = idp.instead?.(pathname)
    if (fault) return void res.writeHead(fault.status).end(fault.body)
    try {
      const params = req.method === 'POST' ? new URLSearchParams(await textOf(req)) : searchParams
      send(res, await answer(pathname, params, req, { idp, grants, events }))
    } catch (error) {
      const { code, status } = error instanceof OAuthError ? error : new OAuthError('server_error', 500)
      events.push(code)
      send(res, { status, body: { error: code, error_description: String(error) } })
    }
  })
  return idp
}

interface At {
  readonly idp: FakeIdp
  readonly grants: FakeGrants
  readonly events: string[]
}

async function answer(path: string, params: URLSearchParams, req: IncomingMessage, at: At): Promise<IdpAnswer> {
  const { idp, grants, events } = at
  switch (path) {
    case '/.well-known/openid-configuration':
      return { body: metadata(idp.issuer) }
    case '/jwks':
      return { body: grants.jwks }
    case '/authorize':
      return { location: authorize(params, at) }
    case '/token': {
      authenticate(req, params, idp)
      checkAudiences(params, idp)
      const refresh = params.get('grant_type') === 'refresh_token'
      const body = refresh ? await grants.refresh(params) : await grants.redeem(params)
      events.push(refresh ? 'refresh' : 'code')
      return { body }
    }
    case '/revoke':
      authenticate(req, params, idp)
      grants.revoke(params.get('token') ?? '')
      events.push('revoke')
      return { body: {} }
    case '/logout':
      return params.has('post_logout_redirect_uri')
        ? { location: params.get('post_logout_redirect_uri')! }
        : { body: { signed_out: true } }
    default:
      return { status: 404, body: { error: 'not_found' } }
  }
}

function metadata(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/logout`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    authorization_response_iss_parameter_supported: true,
  }
}

/** Signs in at once; errors go back to the client, as the code would. */
function authorize(params: URLSearchParams, { idp, grants, events }: At): string {
  const back = params.get('redirect_uri') ?? ''
  if (params.get('client_id') !== idp.clientId || !URL.canParse(back)) throw new OAuthError('invalid_request')
  const url = new URL(back)
  url.searchParams.set('state', params.get('state') ?? '')
  url.searchParams.set('iss', idp.issuer)
  try {
    checkAudiences(params, idp)
    url.searchParams.set('code', grants.begin(params))
    events.push('authorize')
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    events.push(error.code)
    url.searchParams.set('error', error.code)
  }
  return url.href
}

function checkAudiences(params: URLSearchParams, { audiences }: FakeIdp): void {
  if (params.getAll('resource').some((audience) => audiences?.has(audience) === false))
    throw new OAuthError('invalid_target')
}

function authenticate(
  { headers }: IncomingMessage,
  params: URLSearchParams,
  { clientId, clientSecret }: FakeIdp,
): void {
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1]
  const [id, secret] = basic
    ? Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent)
    : [params.get('client_id'), params.get('client_secret')]
  if (id !== clientId || secret !== clientSecret) throw new OAuthError('invalid_client', 401)
}

async function textOf(req: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of req.setEncoding('utf8')) text += piece
  return text
}

function send(res: ServerResponse, { status, location, body }: IdpAnswer): void {
  if (location !== undefined) res.writeHead(302, { Location: location }).end()
  else
    res
      .writeHead(status ?? 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
      .end(JSON.stringify(body))
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function shut(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
