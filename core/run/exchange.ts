import type {
  Body,
  Exchange,
  Fault,
  HttpVersion,
  Proceed,
  RawHeaders,
  Reply,
  ReplyExtra,
  SlotName,
  Slots,
  Source,
  Stream,
} from '../contract.ts'
import { fault } from '../errors.ts'
import { allValues, firstValue } from './raw-headers.ts'
import type { Said } from './verdict.ts'
import { say } from './verdict.ts'

export interface Peer {
  readonly ip: string
  readonly port: number
  readonly tls: boolean
}

/** What came in, before anything was decided about it. */
export interface Inbound {
  readonly id: string
  readonly method: string
  readonly target: string
  readonly httpVersion: HttpVersion
  readonly upgrade: boolean
  readonly rawHeaders: RawHeaders
  readonly client: Peer
}

/** What an exchange needs of the request's runner. */
export interface Runner {
  readonly body: Body
  readonly signal: AbortSignal
  /** Whose hook is running: decides which slots may be read. */
  readonly reads: ReadonlySet<string>
  readonly slots: Partial<Record<string, unknown>>
  said(verdict: Said): void
  readonly position: number
  cancel(fault: Fault): void
}

/** One request as stages see it. Made once a request, never reused: a late promise on a reused one would hand one user's session to another. */
export class LiveExchange implements Exchange<SlotName, SlotName, SlotName> {
  readonly id: string
  readonly method: string
  readonly target: string
  readonly httpVersion: HttpVersion
  readonly upgrade: boolean
  readonly rawHeaders: RawHeaders
  readonly client: Peer
  readonly #runner: Runner
  #mark = -2
  #path: string | undefined

  constructor(inbound: Inbound, runner: Runner) {
    this.id = inbound.id
    this.method = inbound.method
    this.target = inbound.target
    this.httpVersion = inbound.httpVersion
    this.upgrade = inbound.upgrade
    this.rawHeaders = inbound.rawHeaders
    this.client = inbound.client
    this.#runner = runner
  }

  get path(): string {
    if (this.#path === undefined) {
      const mark = this.#questionMark()
      this.#path = mark === -1 ? this.target : this.target.slice(0, mark)
    }
    return this.#path
  }

  get query(): string {
    const mark = this.#questionMark()
    return mark === -1 ? '' : this.target.slice(mark)
  }

  get body(): Body {
    return this.#runner.body
  }

  get signal(): AbortSignal {
    return this.#runner.signal
  }

  header(name: Lowercase<string>): string | undefined {
    return firstValue(this.rawHeaders, name)
  }

  headerAll(name: Lowercase<string>): readonly string[] {
    return allValues(this.rawHeaders, name)
  }

  get<K extends SlotName>(slot: K): Slots[K] {
    const value = this.peek(slot)
    if (value === undefined) throw fault('INTERNAL', `slot ${slot} was never given`)
    return value
  }

  peek<K extends SlotName>(slot: K): Slots[K] | undefined {
    if (!this.#runner.reads.has(slot)) throw fault('INTERNAL', `slot ${slot} is read but not declared`)
    return this.#runner.slots[slot] as Slots[K] | undefined
  }

  proceed(values?: Partial<Slots>): Proceed {
    return this.#say({ kind: 'proceed', values }) as unknown as Proceed
  }

  reply(status: number, code: string, extra: ReplyExtra = {}): Reply {
    return this.#say({ kind: 'reply', status, code, extra }) as unknown as Reply
  }

  stream(source: Source): Stream {
    return this.#say({ kind: 'stream', source }) as unknown as Stream
  }

  cancel(why: Fault): void {
    this.#runner.cancel(why)
  }

  #say(word: Parameters<typeof say>[0]): Said {
    const said = say(word, this, this.#runner.position)
    this.#runner.said(said)
    return said
  }

  #questionMark(): number {
    if (this.#mark === -2) this.#mark = this.target.indexOf('?')
    return this.#mark
  }
}
