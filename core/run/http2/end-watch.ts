import type { Http2Stream } from 'node:http2'

/**
 * Whether the client said that its message is whole. node:http2 ends the readable side of a stream that was reset with NO_ERROR just as
 * one that carried END_STREAM: a torn upload would pass for a whole one. But a stream that was reset is closed by then.
 */
export class EndWatch {
  seen: boolean

  constructor(stream: Http2Stream) {
    this.seen = stream.endAfterHeaders
    if (!this.seen) stream.on('end', () => this.#ended(stream))
  }

  #ended(stream: Http2Stream): void {
    if (!stream.closed) this.seen = true
  }
}
