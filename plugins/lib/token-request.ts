import { classify } from './idp-errors.ts'
import type { Minted, TokenAnswer, TokenEndpoint } from './minter.ts'

type Failed = Exclude<Minted, { readonly kind: 'token' }>

/** One refresh grant, its failures sorted into what they mean for the session (FIELD: token errors are not always OAuth JSON). */
export async function refreshGrant(
  idp: TokenEndpoint,
  refreshToken: string,
  params: Readonly<Record<string, string>>,
): Promise<{ readonly kind: 'answer'; readonly answer: TokenAnswer } | Failed> {
  try {
    return { kind: 'answer', answer: await idp.refresh(refreshToken, params) }
  } catch (error) {
    return failed(error, refreshToken)
  }
}

function failed(error: unknown, refreshToken: string): Failed {
  const known = classify(error)
  // Some IdPs quote the request in error_description.
  const words = known.words.replaceAll(refreshToken, '[refresh token]').slice(0, 300)
  switch (known.kind) {
    case 'dead':
      return { kind: 'grant_lost', words }
    case 'denied':
      return { kind: 'refused', reason: 'denied_by_idp', words }
    case 'misconfigured':
      return { kind: 'unavailable', retryAfter: 1, words, alarm: true }
    case 'transient':
      return { kind: 'unavailable', retryAfter: 1, words }
  }
}
