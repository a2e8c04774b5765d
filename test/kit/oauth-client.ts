import { Buffer } from 'node:buffer'
import { createHash, randomBytes } from 'node:crypto'
import { decodeJwt, type JWTPayload } from 'jose'
import { CookieJar } from './cookie-jar.ts'
import { browserFetch, walk } from './login.ts'

interface OAuthClient {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUri: string
}

export interface Asked {
  readonly resources: readonly string[]
  readonly user: string
  readonly password: string
  readonly scope: string
}

/** A confidential client without a bridge: for tests of the providers themselves. Nobody listens at its redirect URI. */
export async function authorizeByFetch(client: OAuthClient, asked: Asked) {
  const verifier = randomBytes(32).toString('base64url')
  const params = new URLSearchParams({
    ...{ client_id: client.clientId, response_type: 'code', redirect_uri: client.redirectUri, scope: asked.scope },
    ...{ code_challenge: sha256(verifier), code_challenge_method: 'S256' },
  })
  for (const resource of asked.resources) params.append('resource', resource)
  const ask = browserFetch(client.issuer, new CookieJar())
  const form = new URLSearchParams({ login: asked.user, password: asked.password })
  const { url } = await walk(ask, `${client.issuer}/auth?${params}`, form, client.redirectUri)
  const said = new URL(url).searchParams
  const grant = {
    ...{ grant_type: 'authorization_code', code: said.get('code') ?? '' },
    ...{ redirect_uri: client.redirectUri, code_verifier: verifier },
  }
  return { grant, error: said.get('error') ?? undefined }
}

interface Redeemed {
  readonly status: number
  /** Empty: none was given. */
  readonly accessToken: string
  readonly claims: JWTPayload | undefined
  readonly refreshToken: string
  readonly error: string | undefined
  readonly description: string | undefined
}

export async function redeem(client: OAuthClient, grant: Readonly<Record<string, string>>): Promise<Redeemed> {
  const body = new URLSearchParams({ client_id: client.clientId, client_secret: client.clientSecret, ...grant })
  const response = await fetch(`${client.issuer}/token`, { method: 'POST', body })
  const said = (await response.json()) as Readonly<Record<string, string | undefined>>
  const {
    access_token: accessToken = '',
    refresh_token: refreshToken = '',
    error,
    error_description: description,
  } = said
  const claims = accessToken.includes('.') ? decodeJwt(accessToken) : undefined
  return { status: response.status, accessToken, claims, refreshToken, error, description }
}

function sha256(text: string): string {
  return Buffer.from(createHash('sha256').update(text).digest()).toString('base64url')
}
