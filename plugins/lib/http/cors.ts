// What the Fetch standard calls the CORS protocol, as far as a bridge needs it: who asks, and what the answer says.
import { METHODS } from 'node:http'
import type { Exchange, RawHeaders, Route } from '../../../core/index.ts'

type Asking = Pick<Exchange, 'method' | 'header' | 'headerAll'>

/** The method that a preflight asks about; undefined: the request is none. */
export function preflightMethod(x: Asking): string | undefined {
  if (x.method !== 'OPTIONS' || x.header('origin') === undefined) return undefined
  return x.header('access-control-request-method')
}

/** The one Origin of the request, where it is listed. Two are nobody's. */
export function listedOrigin(x: Asking, origins: ReadonlySet<string>): string | undefined {
  const origin = x.header('origin')
  if (origin === undefined || !origins.has(origin)) return undefined
  return x.headerAll('origin').length === 1 ? origin : undefined
}

const usual = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const known: ReadonlySet<string> = new Set(METHODS.filter((name) => name !== 'TRACE' && name !== 'CONNECT'))

/** Methods that a preflight of this route is told of. */
export function methodsOf({ methods }: Route): readonly string[] {
  if (methods === undefined) return usual
  return methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods
}

/** `listed`, and the method asked for where it is a known one that the route takes beside: never a client's own text. */
export function withMethod(listed: string, asked: string): string {
  return !known.has(asked) || listed.split(', ').includes(asked) ? listed : `${listed}, ${asked}`
}

/** Takes out what anybody else said of who may read this. */
export function removeCorsHeaders(raw: RawHeaders): void {
  let kept = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (name.length > 15 && name.slice(0, 15).toLowerCase() === 'access-control-') continue
    raw[kept] = name
    raw[kept + 1] = raw[i + 1]!
    kept += 2
  }
  raw.length = kept
}

/** Adds to Vary what is not there yet. `*` says it all. */
export function vary(raw: RawHeaders, names: readonly string[]): void {
  const missing = names.filter((name) => !varies(raw, name.toLowerCase()))
  if (missing.length > 0) raw.push('Vary', missing.join(', '))
}

function varies(raw: RawHeaders, lower: string): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.length !== 4 || raw[i]!.toLowerCase() !== 'vary') continue
    for (const element of raw[i + 1]!.split(',')) {
      const name = element.trim().toLowerCase()
      if (name === lower || name === '*') return true
    }
  }
  return false
}
