import { connect, type Socket } from 'node:net'

export interface PipelinedAnswer {
  readonly status: number
  /** From the status line to the empty line. */
  readonly head: string
  readonly body: string
}

/** One connection for the requests of many users, several at once: whatever a bridge could mix up, it has at hand. */
export class PipelinedClient {
  readonly #socket: Socket
  #seen = ''
  #wanted = 0
  #answers: PipelinedAnswer[] = []
  #done: ((answers: PipelinedAnswer[]) => void) | undefined
  #failed: ((error: Error) => void) | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (bytes) => this.#heard(bytes.toString('latin1')))
    this.#socket.on('error', (error) => this.#failed?.(error))
    this.#socket.on('close', () => this.#failed?.(new Error(`closed after ${this.#seen.slice(0, 500)}`)))
  }

  /** Writes all of them at once. Their answers come in their order. */
  ask(requests: readonly string[]): Promise<PipelinedAnswer[]> {
    this.#wanted = requests.length
    this.#answers = []
    return new Promise((resolve, reject) => {
      this.#done = resolve
      this.#failed = reject
      this.#socket.write(requests.join(''))
    })
  }

  close(): void {
    this.#failed = undefined
    this.#socket.destroy()
  }

  #heard(text: string): void {
    this.#seen += text
    for (let answer = this.#next(); answer !== undefined; answer = this.#next()) this.#answers.push(answer)
    if (this.#answers.length === this.#wanted) this.#done?.(this.#answers)
  }

  #next(): PipelinedAnswer | undefined {
    const end = this.#seen.indexOf('\r\n\r\n')
    if (end === -1) return undefined
    const head = this.#seen.slice(0, end)
    const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? Number.NaN)
    if (Number.isNaN(length)) this.#failed?.(new Error(`an answer without a length: ${head}`))
    const whole = end + 4 + length
    if (!(this.#seen.length >= whole)) return undefined
    const body = this.#seen.slice(end + 4, whole)
    this.#seen = this.#seen.slice(whole)
    return { status: Number(head.slice(9, 12)), head, body }
  }
}
