import type {
  Body,
  Exchange,
  Fault,
  Proceed,
  RawHeaders,
  Reply,
  ReplyExtra,
  SlotName,
  Slots,
  Source,
  Stream,
} from '../../core/index.ts'

export type Word =
  | { readonly kind: 'proceed'; readonly values: Partial<Slots> }
  | { readonly kind: 'reply'; readonly status: number; readonly code: string; readonly extra: ReplyExtra }
  | { readonly kind: 'stream'; readonly source: Source }

interface Given {
  readonly method?: string
  readonly headers?: RawHeaders
  readonly slots?: Partial<Slots>
  readonly body?: Body
  readonly client?: Partial<Exchange['client']>
  readonly httpVersion?: Exchange['httpVersion']
}

/** An exchange outside core: for one stage alone. `word` is what the stage said. */
export class FakeExchange implements Exchange<SlotName, SlotName, SlotName> {
  readonly id = 'id-1'
  readonly method: string
  readonly target: string
  readonly httpVersion: Exchange['httpVersion']
  readonly upgrade = false
  readonly rawHeaders: RawHeaders
  readonly client: Exchange['client']
  readonly body: Body
  readonly signal = new AbortController().signal
  readonly slots: Partial<Slots>
  cancelled: Fault | undefined
  word: Word | undefined

  constructor(
    target: string,
    { method = 'GET', headers = ['Host', 'app.test'], slots = {}, body, client, httpVersion = '1.1' }: Given = {},
  ) {
    this.target = target
    this.method = method
    this.httpVersion = httpVersion
    this.rawHeaders = headers
    this.slots = slots
    this.body = body ?? { kind: 'none', bytes: async () => new Uint8Array(), limit() {}, take: () => null }
    this.client = { ip: '192.0.2.7', port: 1, tls: false, ...client }
  }

  get path(): string {
    return this.target.split('?', 1)[0]!
  }
  get query(): string {
    return this.target.slice(this.path.length)
  }
  header(name: Lowercase<string>): string | undefined {
    return this.headerAll(name)[0]
  }
  headerAll(name: Lowercase<string>): readonly string[] {
    return this.rawHeaders.filter((_, i) => i % 2 === 1 && this.rawHeaders[i - 1]!.toLowerCase() === name)
  }
  get<K extends SlotName>(slot: K): Slots[K] {
    const value = this.slots[slot]
    if (value === undefined) throw new Error(`slot ${slot} was not given`)
    return value as Slots[K]
  }
  peek<K extends SlotName>(slot: K): Slots[K] | undefined {
    return this.slots[slot] as Slots[K] | undefined
  }
  proceed(values: Partial<Slots> = {}): Proceed {
    this.word = { kind: 'proceed', values }
    return this.word as unknown as Proceed
  }
  reply(status: number, code: string, extra: ReplyExtra = {}): Reply {
    this.word = { kind: 'reply', status, code, extra }
    return this.word as unknown as Reply
  }
  stream(source: Source): Stream {
    this.word = { kind: 'stream', source }
    return this.word as unknown as Stream
  }
  cancel(fault: Fault): void {
    this.cancelled = fault
  }
}
