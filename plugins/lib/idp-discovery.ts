// The identity provider's metadata: fetched when first needed, kept, renewed. A BFF starts and serves while its IdP is down.

import { Buffer } from 'node:buffer'
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretPost,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  type ServerMetadata,
} from 'openid-client'
import { idpFetch } from './idp-fetch.ts'
import { isLoopback } from './text-values.ts'

export interface IdpSettings {
  readonly issuer: string
  readonly client_id: string
  readonly client_secret: string
  readonly client_auth: 'client_secret_post' | 'client_secret_basic'
}

/** Asymmetric only: `none` and HMAC (whose key would be the client secret) never verify an ID token (BCP-12). */
const safeAlg = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/
const renewAfter = 10 * 60_000
/** Short, so that logins go on within a second of the IdP's return; long enough that a dead IdP gets no storm. */
const backoff = [250, 500, 1_000]

export class Discovery {
  readonly #settings: IdpSettings
  #known: { readonly configuration: Configuration; readonly text: string } | undefined
  #pending: Promise<Configuration> | undefined
  #failure: { readonly error: unknown; readonly again: number } | undefined
  #failures = 0
  #renewAt = 0
  /** By endpoint; as many as config names. */
  readonly #elsewhere = new Map<string, { readonly from: Configuration; readonly configuration: Configuration }>()

  constructor(settings: IdpSettings) {
    this.#settings = settings
  }

  /** With another token endpoint than the metadata's, where one is given: a service's own (`service_tokens`). */
  async at(endpoint: string | undefined): Promise<Configuration> {
    const configuration = await this.configuration()
    if (endpoint === undefined) return configuration
    const known = this.#elsewhere.get(endpoint)
    if (known !== undefined && known.from === configuration) return known.configuration
    // Without the library's own helpers, which are functions on it.
    const server: ServerMetadata = JSON.parse(JSON.stringify(configuration.serverMetadata()))
    const made = configure({ ...server, token_endpoint: endpoint }, this.#settings)
    this.#elsewhere.set(endpoint, { from: configuration, configuration: made })
    return made
  }

  /** The metadata if known, without waiting for news; else one shared attempt. Rejects at once while backing off. */
  configuration(): Promise<Configuration> {
    const now = performance.now()
    const wait = this.#failure !== undefined && now < this.#failure.again
    if (this.#known !== undefined) {
      if (now >= this.#renewAt && !wait) this.#attempt().catch(() => {})
      return Promise.resolve(this.#known.configuration)
    }
    if (wait && this.#failure !== undefined) return Promise.reject(this.#failure.error)
    return this.#attempt()
  }

  #attempt(): Promise<Configuration> {
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  async #fetch(): Promise<Configuration> {
    try {
      const metadata = await fetchMetadata(this.#settings.issuer)
      const text = JSON.stringify(metadata)
      // Unchanged metadata keeps its object, and with it the library's cache of signing keys.
      if (this.#known?.text !== text) this.#known = { configuration: configure(metadata, this.#settings), text }
      this.#failure = undefined
      this.#failures = 0
      this.#renewAt = performance.now() + renewAfter
      return this.#known.configuration
    } catch (error) {
      const wait = backoff[Math.min(this.#failures++, backoff.length - 1)] ?? 1_000
      this.#failure = { error, again: performance.now() + wait }
      throw error
    }
  }
}

async function fetchMetadata(issuer: string): Promise<ServerMetadata> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const answer = await idpFetch(() => undefined)(url, { headers: { accept: 'application/json' }, redirect: 'manual' })
  if (answer.status !== 200)
    throw Object.assign(new Error(`${url} answered ${answer.status}`), { status: Math.max(answer.status, 500) })
  const metadata = (await answer.json().catch(() => undefined)) as ServerMetadata | undefined
  // RFC 8414 section 3.3: another issuer's metadata would send codes and secrets to its endpoints. A final slash is forgiven.
  if (typeof metadata?.issuer !== 'string' || metadata.issuer.replace(/\/$/, '') !== issuer.replace(/\/$/, ''))
    throw new Error(`${url} speaks for the issuer ${String(metadata?.issuer)}, not for auth.issuer ${issuer}`)
  return metadata
}

function configure(metadata: ServerMetadata, settings: IdpSettings): Configuration {
  const offered = metadata.id_token_signing_alg_values_supported ?? ['RS256']
  const algs = offered.filter((alg) => safeAlg.test(alg))
  if (algs.length === 0)
    throw new Error(
      `the identity provider signs ID tokens with ${offered.join(', ')} only; an asymmetric algorithm is needed`,
    )
  const server = { ...metadata, id_token_signing_alg_values_supported: algs }
  const configuration = new Configuration(server, settings.client_id, undefined, clientAuth(settings))
  configuration[customFetch] = idpFetch(() => metadata.token_endpoint) as NonNullable<Configuration[typeof customFetch]>
  // The library would abort a token request whose outcome is open; idpFetch has the limits.
  configuration.timeout = 0
  if (isLoopback(new URL(settings.issuer))) allowInsecureRequests(configuration)
  enableNonRepudiationChecks(configuration)
  return configuration
}

function clientAuth(settings: IdpSettings): ClientAuth {
  if (settings.client_auth === 'client_secret_post') return ClientSecretPost(settings.client_secret)
  const credentials = Buffer.from(`${formWord(settings.client_id)}:${formWord(settings.client_secret)}`).toString(
    'base64',
  )
  return (_server, _client, _body, headers) => {
    headers.set('authorization', `Basic ${credentials}`)
  }
}

/** RFC 6749 section 2.3.1, but unreserved characters stay: Glewlwyd and LemonLDAP refuse the library's `bff%2Dserver`. */
function formWord(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
