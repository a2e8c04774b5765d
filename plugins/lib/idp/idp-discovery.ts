// The identity provider's metadata: fetched when first needed, kept, renewed. A BFF starts and serves while its IdP is down.

import {
  allowInsecureRequests,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  type ServerMetadata,
} from 'openid-client'
import type { Dispatcher } from 'undici'
import { isLoopback } from '../settings/text-values.ts'
import { type ClientIdentity, clientAuth, tlsDispatcher } from './client-auth.ts'
import { idpFetch } from './idp-fetch.ts'

export interface IdpSettings extends ClientIdentity {
  readonly issuer: string
  /** Asked at each login. */
  readonly userinfo?: boolean
  readonly dpop?: boolean
}

/** Asymmetric only: `none` and HMAC (whose key would be the client secret) never verify an ID token (BCP-12). */
const safeAlg = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/
const renewAfter = 10 * 60_000
/** Short, so that logins go on within a second of the IdP's return; long enough that a dead IdP gets no storm. */
const backoff = [250, 500, 1_000]

export class Discovery {
  readonly #settings: IdpSettings
  readonly #dispatcher: Dispatcher | undefined
  #known: { readonly configuration: Configuration; readonly text: string } | undefined
  #pending: Promise<Configuration> | undefined
  #failure: { readonly error: unknown; readonly again: number } | undefined
  #failures = 0
  #renewAt = 0
  /** By endpoint; as many as config names. */
  readonly #elsewhere = new Map<string, { readonly from: Configuration; readonly configuration: Configuration }>()

  constructor(settings: IdpSettings) {
    this.#settings = settings
    this.#dispatcher = tlsDispatcher(settings)
  }

  /** With another token endpoint than the metadata's, where one is given: a service's own (`service_tokens`). */
  async at(endpoint: string | undefined): Promise<Configuration> {
    const configuration = await this.configuration()
    if (endpoint === undefined) return configuration
    const known = this.#elsewhere.get(endpoint)
    if (known !== undefined && known.from === configuration) return known.configuration
    // Without the library's own helpers, which are functions on it.
    const server: ServerMetadata = JSON.parse(JSON.stringify(configuration.serverMetadata()))
    const { token_endpoint: _, ...aliases } = server.mtls_endpoint_aliases ?? {}
    const there = { ...server, token_endpoint: endpoint, mtls_endpoint_aliases: aliases }
    const made = await configure(there, this.#settings, this.#dispatcher)
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

  close(): void {
    // Not destroyed: a redeem under way must get its answer.
    this.#dispatcher?.close().catch(() => {})
  }

  #attempt(): Promise<Configuration> {
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  async #fetch(): Promise<Configuration> {
    try {
      const metadata = await fetchMetadata(this.#settings.issuer, this.#dispatcher)
      const text = JSON.stringify(metadata)
      // Unchanged metadata keeps its object, and with it the library's cache of signing keys.
      if (this.#known?.text !== text)
        this.#known = { configuration: await configure(metadata, this.#settings, this.#dispatcher), text }
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

async function fetchMetadata(issuer: string, dispatcher: Dispatcher | undefined): Promise<ServerMetadata> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const ask = idpFetch(() => false, dispatcher)
  const answer = await ask(url, { headers: { accept: 'application/json' }, redirect: 'manual' })
  if (answer.status !== 200)
    throw Object.assign(new Error(`${url} answered ${answer.status}`), { status: Math.max(answer.status, 500) })
  const metadata = (await answer.json().catch(() => undefined)) as ServerMetadata | undefined
  // RFC 8414 section 3.3: another issuer's metadata would send codes and secrets to its endpoints. A final slash is forgiven.
  if (typeof metadata?.issuer !== 'string' || metadata.issuer.replace(/\/$/, '') !== issuer.replace(/\/$/, ''))
    throw new Error(`${url} speaks for the issuer ${String(metadata?.issuer)}, not for auth.issuer ${issuer}`)
  return metadata
}

async function configure(
  metadata: ServerMetadata,
  settings: IdpSettings,
  dispatcher: Dispatcher | undefined,
): Promise<Configuration> {
  const offered = metadata.id_token_signing_alg_values_supported ?? ['RS256']
  const algs = offered.filter((alg) => safeAlg.test(alg))
  if (algs.length === 0)
    throw new Error(
      `the identity provider signs ID tokens with ${offered.join(', ')} only; an asymmetric algorithm is needed`,
    )
  const proofs = metadata.dpop_signing_alg_values_supported
  if (settings.dpop && proofs !== undefined && !proofs.includes('ES256'))
    throw new Error(`auth.dpop needs ES256, and the identity provider takes proofs by ${proofs.join(', ')} only`)
  const server = { ...metadata, id_token_signing_alg_values_supported: algs }
  // RFC 8705 section 5: whoever shows a certificate asks where certificates are asked for.
  const client = settings.client_cert === undefined ? undefined : { use_mtls_endpoint_aliases: true }
  const configuration = new Configuration(server, settings.client_id, client, await clientAuth(settings, server))
  const tokenEndpoints = new Set([metadata.token_endpoint, metadata.mtls_endpoint_aliases?.token_endpoint])
  const asking = idpFetch((url) => tokenEndpoints.has(url), dispatcher)
  configuration[customFetch] = asking as NonNullable<Configuration[typeof customFetch]>
  // The library would abort a token request whose outcome is open; idpFetch has the limits.
  configuration.timeout = 0
  if (isLoopback(new URL(settings.issuer))) allowInsecureRequests(configuration)
  enableNonRepudiationChecks(configuration)
  return configuration
}
