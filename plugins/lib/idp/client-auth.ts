// Client authentication at the identity provider's endpoints, from the settings to what openid-client calls for each request.
import { Buffer } from 'node:buffer'
import {
  type ClientAuth,
  ClientSecretPost,
  modifyAssertion,
  PrivateKeyJwt,
  type ServerMetadata,
  TlsClientAuth,
} from 'openid-client'
import { Agent, type Dispatcher } from 'undici'
import type { ClientAuthSettings } from './client-auth-settings.ts'
import { type ClientKey, readClientKey } from './client-key.ts'

export interface ClientIdentity extends ClientAuthSettings {
  readonly client_id: string
}

/** Rejects where the identity provider takes no algorithm that the key can sign with. */
export async function clientAuth(settings: ClientIdentity, server: ServerMetadata): Promise<ClientAuth> {
  const { client_auth, client_secret = '', private_key = '' } = settings
  switch (client_auth) {
    case 'client_secret_post':
      return ClientSecretPost(client_secret)
    case 'client_secret_basic':
      return basic(settings.client_id, client_secret)
    case 'private_key_jwt':
      return assertion(readClientKey(private_key), settings, server)
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return TlsClientAuth()
  }
}

function basic(id: string, secret: string): ClientAuth {
  const credentials = Buffer.from(`${formWord(id)}:${formWord(secret)}`).toString('base64')
  return (_server, _client, _body, headers) => {
    headers.set('authorization', `Basic ${credentials}`)
  }
}

/** RFC 6749 section 2.3.1, but unreserved characters stay: Glewlwyd and LemonLDAP refuse the library's `bff%2Dserver`. */
function formWord(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/**
 * RFC 7523. The audience is the issuer: an assertion for a token endpoint's URL can be got out of a client by an identity provider
 * that names another one's endpoint as its own (the OpenID Foundation's advice of January 2025).
 */
async function assertion(known: ClientKey, settings: ClientIdentity, server: ServerMetadata): Promise<ClientAuth> {
  const alg = algFor(known, server)
  const key = await importKey(known, alg)
  const kid = settings.private_key_id ?? known.kid
  return PrivateKeyJwt(kid === undefined ? key : { key, kid }, {
    [modifyAssertion](header, payload) {
      header.alg = alg
      if (settings.client_assertion_audience === 'token_endpoint' && server.token_endpoint !== undefined)
        payload.aud = server.token_endpoint
    },
  })
}

function algFor({ algs }: ClientKey, server: ServerMetadata): string {
  const taken = server.token_endpoint_auth_signing_alg_values_supported
  const alg = taken === undefined ? algs[0] : algs.find((name) => taken.includes(name))
  if (alg !== undefined) return alg
  throw new Error(
    `auth.private_key can sign with ${algs.join(', ')}, but the identity provider takes ${taken?.join(', ')} only`,
  )
}

const hashes: Readonly<Record<string, string>> = { '256': 'SHA-256', '384': 'SHA-384', '512': 'SHA-512' }
const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function importKey({ key }: ClientKey, alg: string): Promise<CryptoKey> {
  const { alg: _alg, key_ops: _ops, use: _use, ...jwk } = key.export({ format: 'jwk' })
  return crypto.subtle.importKey('jwk', jwk as JsonWebKey, algorithm(alg), false, ['sign'])
}

function algorithm(alg: string) {
  const namedCurve = curves[alg]
  if (namedCurve !== undefined) return { name: 'ECDSA', namedCurve }
  const hash = hashes[alg.slice(2)]
  if (hash === undefined) return { name: 'Ed25519' }
  return { name: alg.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash }
}

/** Connections that show the client's certificate (RFC 8705), or trust a private authority. Undefined: the runtime's own. */
export function tlsDispatcher({ client_cert, client_key, ca }: ClientAuthSettings): Dispatcher | undefined {
  if (client_cert === undefined && ca === undefined) return undefined
  const shown = client_cert === undefined ? {} : { cert: client_cert, key: client_key }
  return new Agent({ connect: { ...shown, ...(ca === undefined ? {} : { ca }) } })
}
