import { Buffer } from 'node:buffer'
import type { Fault, RawHeaders, Sink, Source } from '../../core/index.ts'

/** Core's side of an answer, kept in memory. `ended` settles when the source ends or fails; `full` makes it ask for a pause. */
export class FakeSink implements Sink {
  open = true
  full = false
  status: number | undefined
  reason: string | undefined
  headers: RawHeaders = []
  trailers: RawHeaders | undefined
  readonly informed: number[] = []
  readonly chunks: Buffer[] = []
  readonly ended: Promise<Fault | undefined>
  onHead: () => void = () => {}
  onChunk: () => void = () => {}
  #settle: (why: Fault | undefined) => void = () => {}

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** Starts a source and waits for its end. */
  async take(source: Source): Promise<this> {
    source.start(this)
    await this.ended
    return this
  }
  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }
  values(name: string): string[] {
    return this.headers.filter((_, i) => i % 2 === 1 && this.headers[i - 1]!.toLowerCase() === name)
  }
  inform(status: 102 | 103): void {
    this.informed.push(status)
  }
  head(status: number, headers: RawHeaders, reason?: string): boolean {
    if (this.status !== undefined) throw new Error('two heads')
    this.status = status
    this.headers = headers
    this.reason = reason
    this.onHead()
    return !this.full
  }
  chunk(bytes: Uint8Array): boolean {
    this.chunks.push(Buffer.from(bytes))
    this.onChunk()
    return !this.full
  }
  end(trailers?: RawHeaders): void {
    this.#close(undefined)
    this.trailers = trailers
  }
  upgraded(): undefined {
    throw new Error('no upgrades here')
  }
  fail(fault: Fault): void {
    this.#close(fault)
  }
  #close(why: Fault | undefined): void {
    if (!this.open) throw new Error('two endings')
    this.open = false
    this.#settle(why)
  }
}
