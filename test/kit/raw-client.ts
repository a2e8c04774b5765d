import { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'

/** How the server ended a connection: in order, or by a reset. */
export type Ending = 'fin' | 'reset'

export interface RawAnswer {
  readonly status: number
  /** Names in lower case; repeats are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** A client that writes bytes and keeps what comes back: for what an HTTP client would never send, or would hide. */
export interface RawClient {
  readonly socket: Socket
  /** Everything received so far, as latin1. */
  readonly text: string
  send(bytes: string | Uint8Array): void
  /** When what was received fits; rejects when the connection ends before it does. */
  until(fits: (text: string) => boolean): Promise<string>
  /** The first `count` whole answers to requests that were no HEAD. */
  answers(count: number): Promise<RawAnswer[]>
  readonly ended: Promise<Ending>
  close(): void
}

export interface TestLike {
  teardown(fn: () => unknown): unknown
}

export function rawClient(t: TestLike, url: string, { reading = true } = {}): RawClient {
  const { hostname, port } = new URL(url)
  const client = new Client(connect({ host: hostname, port: Number(port), allowHalfOpen: true }), reading)
  t.teardown(() => client.close())
  return client
}

class Client implements RawClient {
  text = ''
  readonly socket: Socket
  readonly ended: Promise<Ending>
  readonly #checks = new Set<() => void>()
  #over = false

  constructor(socket: Socket, reading: boolean) {
    this.socket = socket
    if (reading) socket.on('data', (piece: Buffer) => this.#heard(piece.toString('latin1')))
    this.ended = new Promise((resolve) => {
      const over = (how: Ending) => {
        this.#over = true
        resolve(how)
        this.#heard('')
      }
      socket.on('end', () => over('fin'))
      socket.on('error', () => over('reset'))
      socket.on('close', () => over('reset'))
    })
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  until(fits: (text: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!fits(this.text) && !this.#over) return
        this.#checks.delete(check)
        if (fits(this.text)) resolve(this.text)
        else reject(new Error(`the connection ended after ${JSON.stringify(this.text.slice(0, 500))}`))
      }
      this.#checks.add(check)
      check()
    })
  }

  async answers(count: number): Promise<RawAnswer[]> {
    await this.until((text) => readAnswers(text).length >= count)
    return readAnswers(this.text).slice(0, count)
  }

  close(): void {
    this.socket.destroy()
  }

  #heard(text: string): void {
    this.text += text
    for (const check of [...this.#checks]) check()
  }
}

/** The whole answers at the start of `text`; interim ones are skipped. */
export function readAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = text; ; ) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return answers
    const [line = '', ...fields] = rest.slice(0, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1])
    if (Number.isNaN(status)) throw new Error(`no answer: ${JSON.stringify(rest.slice(0, 200))}`)
    const headers = readHeaders(fields)
    const body = status < 200 ? { text: '', length: 0 } : readBody(rest.slice(end + 4), status, headers)
    if (!body) return answers
    if (status >= 200) answers.push({ status, headers, body: body.text })
    rest = rest.slice(end + 4 + body.length)
  }
}

function readHeaders(fields: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>()
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value)
  }
  return headers
}

function readBody(
  rest: string,
  status: number,
  headers: ReadonlyMap<string, string>,
): { text: string; length: number } | undefined {
  if (status === 204 || status === 304) return { text: '', length: 0 }
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(rest)
  const length = Number(headers.get('content-length') ?? Number.NaN)
  return rest.length >= length ? { text: rest.slice(0, length), length } : undefined
}

function readChunks(rest: string): { text: string; length: number } | undefined {
  let text = ''
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(rest.slice(at, line), 16)
    if (size === 0) {
      const end = rest.indexOf('\r\n\r\n', line - 2)
      const past = rest.startsWith('\r\n', line + 2) ? line + 4 : end + 4
      return end === -1 || rest.length < past ? undefined : { text, length: past }
    }
    if (rest.length < line + 2 + size + 2) return undefined
    text += rest.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}
