/** How long, and for how much, one connection may keep us waiting. Times in milliseconds. */
export interface Limits {
  /** A client that sends nothing for this long while its body is wanted is gone. */
  readonly bodyIdle: number
  /** A client that takes nothing for this long while there is something to send is gone: it would hold an upstream connection for good. */
  readonly sendIdle: number
  /** How much of a body that nobody wants is read, and how long its pieces may take, so that the answer is not lost to a reset (RFC 9112 §9.6). */
  readonly lingerBytes: number
  readonly lingerIdle: number
  readonly linger: number
  /** Requests that may wait behind the one that runs on their connection. */
  readonly pipelined: number
}

export const defaultLimits: Limits = {
  bodyIdle: 30_000,
  sendIdle: 60_000,
  lingerBytes: 16 * 1024 * 1024,
  lingerIdle: 5_000,
  linger: 30_000,
  pipelined: 32,
}
