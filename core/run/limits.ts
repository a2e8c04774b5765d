/** How long, and for how much, one connection may keep us waiting. Times in milliseconds, sizes in bytes. */
export interface Limits {
  /** For a whole head. */
  readonly headersTimeout: number
  /** Between two requests on one connection. */
  readonly keepAlive: number
  /** A client that sends nothing for this long while its body is wanted is gone. */
  readonly bodyIdle: number
  /** A client that takes nothing for this long while there is something to send is gone: it would hold an upstream connection for good. */
  readonly sendIdle: number
  /** Of request line and header section together. */
  readonly headers: number
  readonly headerFields: number
  readonly path: number
  /** Path and query. */
  readonly target: number
  /** Infinity: none; bodies are streamed, not held. */
  readonly body: number
  /** Client connections at one time. */
  readonly connections: number
  /** How much of a body that nobody wants is read, and how long its pieces may take, so that the answer is not lost to a reset (RFC 9112 §9.6). */
  readonly lingerBytes: number
  readonly lingerIdle: number
  readonly linger: number
  /** Requests that may wait behind the one that runs on their connection. */
  readonly pipelined: number
}

export const defaultLimits: Limits = {
  headersTimeout: 10_000,
  keepAlive: 65_000,
  bodyIdle: 30_000,
  sendIdle: 60_000,
  headers: 32 * 1024,
  headerFields: 100,
  path: 8 * 1024,
  target: 16 * 1024,
  body: Number.POSITIVE_INFINITY,
  connections: 20_000,
  lingerBytes: 16 * 1024 * 1024,
  lingerIdle: 5_000,
  linger: 30_000,
  pipelined: 32,
}
