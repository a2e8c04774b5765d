// What a route's options say of headers, as one pass over the raw fields.
import type { RawHeaders } from '../../../core/index.ts'
import type { ValueMaker } from './header-template.ts'

export interface HeaderRule {
  readonly name: string
  readonly value: ValueMaker
}

/** `X_Tenant` and `X-Tenant` are one name to CGI-like servers: whoever sets one of them takes the other out, too. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** Drops every field whose name is listed, in any case and disguise. In place. */
export function dropHeaders(raw: RawHeaders, names: ReadonlySet<string>): void {
  if (names.size === 0) return
  let kept = 0
  for (let i = 0; i < raw.length; i += 2) {
    if (names.has(plainName(raw[i]!))) continue
    raw[kept] = raw[i]!
    raw[kept + 1] = raw[i + 1]!
    kept += 2
  }
  raw.length = kept
}
