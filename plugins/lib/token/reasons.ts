// The closed list of why no token for a service can be had: the same words in problems, logs, /auth/session and metrics.

/** Each with its sentence for the problem's `detail`. docs/errors.md says for each what to do. */
export const reasonDetails = {
  no_mapping: 'service_audiences has no entry for this service.',
  denied_by_idp:
    "The identity provider gives no token for this service's audience: its scope mapping and the client's allowed audiences must both contain it.",
  step_up:
    'The session was not granted this audience yet, or the grant for it was lost: follow login_url, which fetches just what is missing.',
  not_granted:
    'The identity provider gave a token with none of the scopes that service_scopes asks for; it was not sent.',
  audience_mismatch:
    "The identity provider's token is for another audience than service_audiences says; it was not sent.",
  issuer_mismatch: "The token's issuer is not auth.issuer; it was not sent.",
  token_opaque:
    'The token is no JWT, so nobody can tell its audience; it was not sent. See opaque in service_tokens for such a service.',
  wrong_token_type:
    'The identity provider answered with a token of another type than an access token; it was not sent.',
  certificate_mismatch:
    "The identity provider's token is bound to another client certificate than this service is shown; it was not sent.",
  token_expired: 'The identity provider answered with a token that has expired already, or never says when.',
  unusable_answer: "The identity provider's answer to the token request could not be read.",
  no_refresh_token:
    'The login brought no refresh token: oauth_scopes needs offline_access, and the identity provider must grant it.',
  not_mintable: 'The audience in service_audiences is no absolute URI, so it cannot be asked for as a resource.',
} as const

export type TokenReason = keyof typeof reasonDetails

/** Why no token can be had for any service: the session is over, or it is a passing fault. */
export const passingDetails = {
  grant_lost: 'The session ended: the identity provider no longer accepts it. Sign in again.',
  idp_unavailable: 'A token for this service cannot be had just now. The session is kept; try again.',
} as const

/** An answer with a token that is not what was asked for, told apart from no token at all. */
const mismatches: ReadonlySet<TokenReason> = new Set([
  'audience_mismatch',
  'issuer_mismatch',
  'token_opaque',
  'wrong_token_type',
])

export function codeOf(reason: TokenReason): 'AUDIENCE_MISMATCH' | 'NO_TOKEN_AVAILABLE' {
  return mismatches.has(reason) ? 'AUDIENCE_MISMATCH' : 'NO_TOKEN_AVAILABLE'
}
