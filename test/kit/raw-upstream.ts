import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface RawUpstream {
  readonly url: string
  /** What each connection sent, in the order they were made. */
  readonly heard: string[]
  readonly sockets: Socket[]
  /** When the connection `index` has sent what `until` asks for. */
  said(index: number, until: (text: string) => boolean): Promise<string>
  close(): Promise<void>
}

/**
 * An upstream that answers whatever the test says, byte for byte. `answer` gets all a connection sent so far, whenever there is more, and
 * the number of requests answered on it before.
 */
export async function rawUpstream(
  answer: (text: string, socket: Socket, before: { readonly connection: number; readonly requests: number }) => void,
): Promise<RawUpstream> {
  const heard: string[] = []
  const sockets: Socket[] = []
  const waiting = new Set<() => void>()
  const server = createServer((socket) => {
    const connection = sockets.push(socket) - 1
    heard.push('')
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('data', (piece) => {
      heard[connection] += String(piece)
      for (const check of waiting) check()
      const requests = heard[connection]!.split(' HTTP/1.1\r\n').length - 2
      answer(heard[connection]!, socket, { connection, requests })
    })
    socket.on('close', () => {
      for (const check of waiting) check()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    sockets,
    said(index, until) {
      return new Promise((resolve) => {
        const check = () => {
          const text = heard[index]
          if (text === undefined || !until(text)) return
          waiting.delete(check)
          resolve(text)
        }
        waiting.add(check)
        check()
      })
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A whole answer with its length. */
export function whole(body: string, ...headers: string[]): string {
  return ['HTTP/1.1 200 OK', ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n')
}
