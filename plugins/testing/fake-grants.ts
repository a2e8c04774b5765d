import { createHash, randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface IdpAnswer {
  readonly status?: number
  readonly location?: string
  readonly body?: object
}

export class OAuthError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, status = 400) {
    super(code)
    this.code = code
    this.status = status
  }
}

interface Settings {
  readonly issuer: string
  readonly clientId: string
  readonly user?: string
  readonly accessTokenTtl?: number
}

/** One sign-in, and what may be had for it. */
interface Grant {
  readonly sub: string
  readonly scope: string
  readonly resources: readonly string[]
  readonly redirectUri: string
  readonly challenge: string
  readonly nonce: string | undefined
  readonly authTime: number
  alive: boolean
}

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

/** Codes and refresh tokens of the fake provider, and the tokens it signs. */
export class FakeGrants {
  readonly jwks: { readonly keys: readonly object[] }
  readonly #settings: Settings
  readonly #key: Key
  readonly #codes = new Map<string, Grant>()
  /** Spent ones stay: one that comes again ends its grant (RFC 9700 section 4.14.2). */
  readonly #refreshTokens = new Map<string, { readonly grant: Grant; spent: boolean }>()

  private constructor(settings: Settings, key: Key, jwk: object) {
    this.#settings = settings
    this.#key = key
    this.jwks = { keys: [{ ...jwk, kid: 'fake', use: 'sig', alg: 'ES256' }] }
  }

  static async make(settings: Settings): Promise<FakeGrants> {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    return new FakeGrants(settings, privateKey, await exportJWK(publicKey))
  }

  /** A code for an authorization request; the user is signed in at once. */
  begin(params: URLSearchParams): string {
    if (params.get('response_type') !== 'code') throw new OAuthError('unsupported_response_type')
    if (params.get('code_challenge_method') !== 'S256') throw new OAuthError('invalid_request')
    const code = random()
    this.#codes.set(code, {
      sub: params.get('login_hint') ?? this.#settings.user ?? 'ada',
      scope: params.get('scope') ?? 'openid',
      resources: params.getAll('resource'),
      redirectUri: params.get('redirect_uri') ?? '',
      challenge: params.get('code_challenge') ?? '',
      nonce: params.get('nonce') ?? undefined,
      authTime: seconds(),
      alive: true,
    })
    return code
  }

  async redeem(params: URLSearchParams): Promise<object> {
    if (params.get('grant_type') !== 'authorization_code') throw new OAuthError('unsupported_grant_type')
    const code = params.get('code') ?? ''
    const grant = this.#codes.get(code)
    this.#codes.delete(code)
    const proof = createHash('sha256')
      .update(params.get('code_verifier') ?? '')
      .digest('base64url')
    if (!grant || grant.challenge !== proof || grant.redirectUri !== params.get('redirect_uri'))
      throw new OAuthError('invalid_grant')
    const { sub, nonce, authTime } = grant
    const claims = { auth_time: authTime, preferred_username: sub, name: sub, ...(nonce && { nonce }) }
    const idToken = await this.#sign(claims, sub, this.#settings.clientId, 300, 'JWT')
    return { ...(await this.#tokens(grant, params)), id_token: idToken }
  }

  async refresh(params: URLSearchParams): Promise<object> {
    const known = this.#refreshTokens.get(params.get('refresh_token') ?? '')
    if (!known?.grant.alive) throw new OAuthError('invalid_grant')
    if (known.spent) {
      known.grant.alive = false
      throw new OAuthError('invalid_grant')
    }
    known.spent = true
    return this.#tokens(known.grant, params)
  }

  revoke(token: string): void {
    const known = this.#refreshTokens.get(token)
    if (known) known.grant.alive = false
  }

  /** One access token, for the resource that is asked for, else for the first of the login (RFC 8707 section 2.2). */
  async #tokens(grant: Grant, params: URLSearchParams): Promise<object> {
    const { accessTokenTtl = 300, issuer } = this.#settings
    const audience = params.get('resource') ?? grant.resources[0] ?? issuer
    const scope = params.get('scope') ?? grant.scope
    const claims = { scope, client_id: this.#settings.clientId }
    const answer = { token_type: 'Bearer', expires_in: accessTokenTtl, scope }
    const token = await this.#sign(claims, grant.sub, audience, accessTokenTtl, 'at+jwt')
    return {
      ...answer,
      access_token: token,
      ...(grant.scope.split(' ').includes('offline_access') && this.#next(grant)),
    }
  }

  #next(grant: Grant): { readonly refresh_token: string } {
    const token = random()
    this.#refreshTokens.set(token, { grant, spent: false })
    return { refresh_token: token }
  }

  #sign(claims: Record<string, unknown>, sub: string, audience: string, ttl: number, typ: string): Promise<string> {
    const now = seconds()
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'fake', typ })
      .setIssuer(this.#settings.issuer)
      .setSubject(sub)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + ttl)
      .setJti(random())
      .sign(this.#key)
  }
}

function random(): string {
  return randomBytes(24).toString('base64url')
}

function seconds(): number {
  return Math.floor(Date.now() / 1000)
}
