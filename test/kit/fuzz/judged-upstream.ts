// An upstream that takes nothing but what some client may have asked for, and answers it as that client's script says.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Script } from './answer-grammar.ts'
import { type Expected, isSpoofed, passedOn } from './expected.ts'
import { type ReadHead, readRequest, values } from './message-reader.ts'

/** A request of a client that is gone may still arrive: so many of them are remembered. */
const remembered = 2000

export class JudgedUpstream {
  url = ''
  requests = 0
  /** By the mark of whose request it was, or seems to have been. */
  readonly broken: { readonly mark: string; readonly why: string }[] = []
  readonly #server = createServer((socket) => this.#serve(socket))
  readonly #sockets = new Set<Socket>()
  readonly #awaited = new Map<string, Expected[]>()
  readonly #gone: (readonly Expected[])[] = []

  async start(): Promise<void> {
    this.#server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
    await once(this.#server, 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  await(all: readonly Expected[]): void {
    for (const one of all) this.#listFor(one).push(one)
  }

  /** The client that all of these are of has its end. */
  gone(all: readonly Expected[]): void {
    this.#gone.push(all)
    if (this.#gone.length > remembered) this.#forget(this.#gone.shift()!)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #listFor(one: Expected): Expected[] {
    const key = keyOf(one.head.method, one.path ?? 'nowhere')
    const list = this.#awaited.get(key) ?? []
    this.#awaited.set(key, list)
    return list
  }

  #forget(all: readonly Expected[]): void {
    for (const one of all) this.#awaited.delete(keyOf(one.head.method, one.path ?? 'nowhere'))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    const lane = { heard: '', at: 0, current: undefined as Expected | undefined, answered: false, done: false }
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (piece: Buffer) => {
      if (lane.done) return
      lane.heard = lane.heard.slice(lane.at) + piece.toString('latin1')
      lane.at = 0
      while (lane.at < lane.heard.length && !lane.done) {
        const read = readRequest(lane.heard, lane.at, true)
        if (read.kind === 'bad') {
          lane.done = true
          this.#break(`no clean request upstream: ${read.why}`, lane.heard.slice(lane.at))
          socket.destroy()
          return
        }
        if (!read.head) return
        lane.current ??= this.#match(read.head, lane.heard.slice(lane.at))
        if (read.kind === 'whole') this.#judgeWhole(read.head, read.body, lane.current)
        const script = lane.current?.script
        if (script && !lane.answered && (read.kind === 'whole' || script.early)) {
          lane.answered = true
          const { target } = read.head
          send(
            socket,
            script.bytes.replaceAll('ECHO', () => target),
            script.ending,
          )
          if (script.ending !== 'keep') lane.done = true
        }
        if (read.kind !== 'whole') return
        Object.assign(lane, { at: read.next, current: undefined, answered: false })
      }
    })
  }

  #match(head: ReadHead, heard: string): Expected | undefined {
    this.requests += 1
    const awaited = this.#awaited.get(keyOf(head.method, head.target)) ?? []
    const one = awaited.find(({ arrivals }) => arrivals === 0) ?? awaited[0]
    if (!one) {
      this.#break('a request that no client sent', heard)
      return undefined
    }
    one.arrivals += 1
    const again = one.script.verdict !== 'clean' && /^(GET|HEAD|PUT|DELETE|OPTIONS)$/.test(head.method) ? 2 : 1
    if (one.arrivals > again) this.#break(`a request that came ${one.arrivals} times`, heard)
    const fields = passedOn(head)
    if (fields.join('\n') !== one.fields.join('\n'))
      this.#break(`fields ${JSON.stringify(fields)} instead of ${JSON.stringify(one.fields)}`, heard)
    if (head.fields.some(isSpoofed)) this.#break('a field of the client that is ours to say', heard)
    if (values(head, 'host')[0] !== this.url.slice('http://'.length)) this.#break('the Host of another', heard)
    return one
  }

  #judgeWhole(head: ReadHead, body: string, first: Expected | undefined): void {
    if (!first) return
    const awaited = this.#awaited.get(keyOf(head.method, head.target)) ?? []
    if (!awaited.some((one) => one.body === body))
      this.#break(
        `another body than was sent, or a torn one that looks whole: ${JSON.stringify(first.body)}`,
        `${head.target} ${body}`,
      )
  }

  #break(why: string, heard: string): void {
    const mark = /~([0-9a-z]{7})-/.exec(heard)?.[1] ?? ''
    this.broken.push({ mark, why: `${why}; heard ${JSON.stringify(heard.slice(0, 1500))}` })
  }
}

function keyOf(method: string, path: string): string {
  return `${method} ${path}`
}

function send(socket: Socket, bytes: string, ending: Script['ending']): void {
  const done = () => {
    if (ending === 'reset') socket.resetAndDestroy()
    else if (ending === 'fin') socket.end()
  }
  if (bytes === '') done()
  else socket.write(Buffer.from(bytes, 'latin1'), done)
}
