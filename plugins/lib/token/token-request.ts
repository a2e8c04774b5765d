import { classify, rotatedIn } from '../idp/idp-errors.ts'
import type { Minted, TokenAnswer, TokenEndpoint } from './minter.ts'

type Failed = Exclude<Minted, { readonly kind: 'token' }>

/** One refresh grant, its failures sorted into what they mean for the session (FIELD: token errors are not always OAuth JSON). */
export async function refreshGrant(
  idp: TokenEndpoint,
  refreshToken: string,
  params: Readonly<Record<string, string>>,
  endpoint?: string,
): Promise<{ readonly kind: 'answer'; readonly answer: TokenAnswer } | Failed> {
  try {
    return { kind: 'answer', answer: await idp.refresh(refreshToken, params, endpoint) }
  } catch (error) {
    const failed = tokenFailure(error, refreshToken)
    if (failed.kind !== 'refused') return failed
    const rotated = rotatedIn(error)
    return rotated === undefined ? failed : { ...failed, refreshToken: rotated }
  }
}

/** What a failed token request means. `secret`: some IdPs quote the request in error_description, and the words go to the log. */
export function tokenFailure(error: unknown, secret = ''): Failed {
  const known = classify(error)
  const words = (secret === '' ? known.words : known.words.replaceAll(secret, '[token]')).slice(0, 300)
  switch (known.kind) {
    case 'dead':
      return { kind: 'grant_lost', words }
    case 'denied':
      return { kind: 'refused', reason: known.unusable ? 'unusable_answer' : 'denied_by_idp', words }
    case 'misconfigured':
      return { kind: 'unavailable', retryAfter: 1, words, alarm: true }
    case 'transient':
      return { kind: 'unavailable', retryAfter: 1, words }
  }
}
