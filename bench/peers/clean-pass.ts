// The answer's way back in same-work: what belongs to the upstream's connection and what could reach another user is dropped.
import type { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'

type Controller = Dispatcher.DispatchController

const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'cdn-cache-control', 'surrogate-control', 'access-control-allow-origin'],
])

export class CleanPass implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse
  #controller: Controller | undefined
  #done = false

  constructor(res: ServerResponse) {
    this.#res = res
  }

  /** The client is done, or gone: then nobody wants the rest. */
  stop(): void {
    if (!this.#done) this.#controller?.abort(new Error('the client left'))
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
  }

  onResponseStart(controller: Controller, status: number): void {
    this.#res.writeHead(status, cleaned((controller.rawHeaders ?? []) as Buffer[]))
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#res.write(chunk)) return
    controller.pause()
    this.#res.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#done = true
    this.#res.end()
  }

  onResponseError(): void {
    this.#done = true
    if (this.#res.headersSent) this.#res.destroy()
    else this.#res.writeHead(502).end()
  }
}

function cleaned(raw: readonly Buffer[]): string[] {
  const headers: string[] = []
  let cache = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as Buffer).toString('latin1')
    const value = (raw[i + 1] as Buffer).toString('latin1')
    const lower = name.toLowerCase()
    if (lower === 'cache-control') cache = value
    else if (!hopByHop.has(lower) && !(lower === 'set-cookie' && value.startsWith('bff_session=')))
      headers.push(name, value)
  }
  headers.push('Cache-Control', /\b(private|no-store)\b/i.test(cache) ? cache : 'private')
  return headers
}
