// What bare and same-work share: undici's dispatch on raw header arrays, and its answer written as it comes.
import type { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

export function upstreamPool(port: string | undefined): Pool {
  return new Pool(`http://127.0.0.1:${port}`, { connections: 128, pipelining: 1, keepAliveTimeout: 60_000 })
}

export class PassThrough implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse

  constructor(res: ServerResponse) {
    this.#res = res
  }

  // undici knows a handler of the new kind by this method.
  onRequestStart(): void {}

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = (controller.rawHeaders ?? []) as Buffer[]
    const headers: string[] = []
    for (const part of raw) headers.push(part.toString('latin1'))
    this.#res.writeHead(status, headers)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#res.write(chunk)
  }

  onResponseEnd(): void {
    this.#res.end()
  }

  onResponseError(): void {
    this.#res.destroy()
  }
}
