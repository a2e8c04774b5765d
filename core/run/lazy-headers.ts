import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

/**
 * What node:http asks of every request is `headers.expect`, and for that it makes an object of all fields: 3 µs for what nobody here
 * reads. Whoever asks for anything else (an instrumentation that hooks into node:http) finds the whole object.
 */
export function lazyHeaders(req: IncomingMessage, whole: () => IncomingHttpHeaders): IncomingHttpHeaders {
  return new Proxy({}, new Filling(req, whole))
}

/** Fills its object before the first look at it. */
class Filling implements ProxyHandler<IncomingHttpHeaders> {
  readonly #req: IncomingMessage
  readonly #whole: () => IncomingHttpHeaders
  #filled = false

  constructor(req: IncomingMessage, whole: () => IncomingHttpHeaders) {
    this.#req = req
    this.#whole = whole
  }

  #fill(target: IncomingHttpHeaders): IncomingHttpHeaders {
    if (!this.#filled) Object.assign(target, this.#whole.call(this.#req))
    this.#filled = true
    return target
  }

  get(target: IncomingHttpHeaders, name: string): unknown {
    return name === 'expect' && !this.#filled ? undefined : this.#fill(target)[name]
  }
  has(target: IncomingHttpHeaders, name: string): boolean {
    return name in this.#fill(target)
  }
  ownKeys(target: IncomingHttpHeaders): (string | symbol)[] {
    return Reflect.ownKeys(this.#fill(target))
  }
  getOwnPropertyDescriptor(target: IncomingHttpHeaders, name: string): PropertyDescriptor | undefined {
    return Reflect.getOwnPropertyDescriptor(this.#fill(target), name)
  }
  defineProperty(target: IncomingHttpHeaders, name: string, property: PropertyDescriptor): boolean {
    return Reflect.defineProperty(this.#fill(target), name, property)
  }
  deleteProperty(target: IncomingHttpHeaders, name: string): boolean {
    return Reflect.deleteProperty(this.#fill(target), name)
  }
}
