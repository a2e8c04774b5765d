// The request to send: made by header-inject, sent by forward.
import type { RawHeaders, Service } from '../../../core/index.ts'

declare module '../../../core/contract.ts' {
  interface Slots {
    /** Given by token-resolve, put on the request by forward, per attempt. */
    token: Credential
    upstream: UpstreamRequest
  }
}

/** What authorizes one upstream attempt. Prints as a fingerprint, so that no log can leak it. */
export interface Credential {
  /** First 8 characters of the base64url SHA-256 of the token. */
  readonly fingerprint: string
  readonly audience: string
  /** ms since the epoch. */
  readonly expiresAt: number
  /** It makes a proof for each attempt, and the service may demand nonces in it. */
  readonly proves?: boolean
  /**
   * Headers for this attempt: `Authorization: Bearer …`, or a DPoP proof, which names method and URL. `nonce`: what the service demanded
   * last (`DPoP-Nonce`).
   */
  headers(attempt: { readonly method: string; readonly url: string; readonly nonce?: string | undefined }): RawHeaders
}

/** What `header-inject` makes and `forward` sends, the slot `upstream`. Nothing else of the client's request reaches a service. */
export interface UpstreamRequest {
  readonly method: string
  /** Origin form as it goes on the wire, checked; includes the path of base_url. */
  readonly path: string
  /** Complete but for the credential. No Host (the dispatcher's authority), no Cookie that is ours, no hop-by-hop fields. */
  readonly headers: RawHeaders
  readonly service: Service
  /** Replaced by forward where the service refused the first one. */
  credential: Credential | undefined
  /** Written by forward: the place in `base_urls` of the upstream that got it last, where there are several. */
  upstream?: number
  /** Written by forward: how often it was sent, where that is more than once. */
  attempts?: number
}
