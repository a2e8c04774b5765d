// Nonces that a service demands in DPoP proofs (RFC 9449 section 9), one memory for each of its origins.
import { now } from '../util/clock.ts'

interface Nonce {
  readonly value: string
  readonly at: number
}

/** Some servers bind a nonce to the key it was given to; with those that do not, the newest is the likeliest to be taken still. */
const ownCounts = 60_000
const nqchar = /^[\x21\x23-\x5b\x5d-\x7e]{1,512}$/

export class DpopNonces {
  #newest: Nonce | undefined
  // By the credential itself: what it was told is forgotten with it.
  readonly #own = new WeakMap<object, Nonce>()

  /** What to put into the next proof of this credential. */
  of(credential: object): string | undefined {
    const own = this.#own.get(credential)
    return own !== undefined && now() - own.at < ownCounts ? own.value : this.#newest?.value
  }

  /** False: nothing that could be put into a proof. */
  take(credential: object, value: string): boolean {
    // Section 8.1; more than one would come joined by a comma and a blank, which is none.
    if (!nqchar.test(value)) return false
    const nonce = { value, at: now() }
    this.#newest = nonce
    this.#own.set(credential, nonce)
    return true
  }
}

/** Whether a 401 says that nothing but the nonce of the proof was wrong: the request was not looked at. */
export function wantsNonce(challenge: string | undefined): boolean {
  return challenge !== undefined && /\bDPoP\b/i.test(challenge) && /\berror\s*=\s*"?use_dpop_nonce"?/i.test(challenge)
}
