/** Failures in a row before the IdP is left alone: one lost answer must not refuse everybody's requests. */
const patience = 3
const firstPause = 125
/** Also the longest it takes to notice that the IdP is back. */
const longestPause = 1000

/** Whether asking the IdP makes sense just now. One for each IdP, shared by all sessions: a dead IdP is probed, not hammered. */
export class IdpHealth {
  #failures = 0
  #probeAt = 0

  /** Answering true while the IdP is down takes the one probe of this pause. */
  admits(now: number): boolean {
    if (this.#failures < patience) return true
    if (now < this.#probeAt) return false
    this.#probeAt = now + longestPause
    return true
  }
  /** Whether this is news: the IdP was thought to be down. */
  answered(): boolean {
    const news = this.#failures >= patience
    this.#failures = 0
    return news
  }
  /** Whether this is news: from here on the IdP counts as down. */
  failed(now: number): boolean {
    this.#failures++
    const pause = Math.min(longestPause, firstPause * 2 ** Math.max(0, this.#failures - patience))
    this.#probeAt = now + pause * (0.75 + Math.random() / 4)
    return this.#failures === patience
  }
  /** A redeem without an answer for so long says more than a refused connection. */
  hung(now: number): boolean {
    const news = this.#failures < patience
    if (news) {
      this.#failures = patience
      this.#probeAt = now + longestPause
    }
    return news
  }
}
