// What of the client's headers goes upstream. Compiled once a route; a request is one pass over its raw headers.
import type { RawHeaders } from '../../../core/index.ts'
import { nominate } from './connection-options.ts'
import type { OwnCookies } from './own-cookies.ts'
import { trimBlanks } from './trim-blanks.ts'

type Rule = 'drop' | 'cookie' | 'authorization' | 'forwarded'

const dropped = [
  // of this connection (RFC 9110 §7.6.1)
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  // framing and authority are written anew
  'host',
  'content-length',
  'expect',
  // words that only Bascule may say to a backend
  'x-correlation-id',
  'traceparent',
  'tracestate',
  'x-original-user',
  // what /auth/verify says to an edge, which hands it on: a service behind both believes it
  'x-session-id',
  'x-auth-time',
  'x-original-method',
  'x-original-host',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  // becomes HTTP_PROXY in a CGI backend, and its outgoing calls go to whoever the client says (CVE-2016-5385 and its like)
  'proxy',
  // change which path or method a backend sees, after the route was chosen by the real one
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
]

/** Who somebody is, or from where, in the words of other proxies: believed of a trusted one only, as X-Forwarded-* are. */
const vouchedFor = [
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-cluster-client-ip',
  'remote-user',
  'x-remote-user',
  // APISIX, where whoever sent one was believed (CVE-2026-44087)
  'x-userinfo',
  'remote-name',
  'remote-email',
  'remote-groups',
  // a client certificate that whoever ended its TLS has seen (RFC 9440 §2.4)
  'client-cert',
  'client-cert-chain',
  'x-authenticated-user',
  'x-webauth-user',
]

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...dropped.map((name): [string, Rule] => [name, 'drop']),
  ['cookie', 'cookie'],
  ['authorization', 'authorization'],
  // goes with the token it proves: beside ours it makes two, and a service takes neither (RFC 9449 §4.3)
  ['dpop', 'authorization'],
  ...vouchedFor.map((name): [string, Rule] => [name, 'forwarded']),
])

function ruleOf(lower: string): Rule | undefined {
  const rule = rules.get(lower)
  if (rule !== undefined || !lower.startsWith('x-')) return rule
  if (lower.startsWith('x-user-')) return 'drop'
  return lower.startsWith('x-forwarded-') || lower.startsWith('x-auth-request-') ? 'forwarded' : undefined
}

/** Whether a header sent upstream is ours to write, or judged before it goes: no stage's option may set it. The name in lower case. */
export function isOwnedHeader(lower: string): boolean {
  return ruleOf(lower) !== undefined
}

/** Which cookies go upstream: those listed, never Bascule's own. */
export class CookieFilter {
  readonly #names: ReadonlySet<string>

  constructor(listed: readonly string[], own: OwnCookies) {
    this.#names = new Set(listed.filter((name) => !own.owns(name)))
  }

  get none(): boolean {
    return this.#names.size === 0
  }

  /** Appends the listed pairs of one Cookie line, as they are (RFC 6265 §5.4); names are compared byte for byte. */
  keep(line: string, pairs: string[]): void {
    for (const part of line.split(';')) {
      const pair = trimBlanks(part)
      const name = trimBlanks(pair.slice(0, Math.max(0, pair.indexOf('='))))
      if (this.#names.has(name)) pairs.push(pair)
    }
  }
}

interface PassedOn {
  /** The client's own Authorization goes on: nobody here puts another in its place. */
  readonly authorization: boolean
  /** The peer is a trusted proxy: what it says of the client is believed. */
  readonly forwarded: boolean
}

/** The client's fields that may go upstream, order, case and repeats kept. Whatever `Connection` names goes first. */
export function keepRequestHeaders(raw: RawHeaders, cookies: CookieFilter, passed: PassedOn): RawHeaders {
  const nominated = nominatedBy(raw)
  const kept: RawHeaders = []
  let pairs: string[] | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const lower = name.toLowerCase()
    const rule = name.includes('_') ? underscored(lower) : ruleOf(lower)
    if (rule === 'drop' || nominated?.has(lower)) continue
    if (rule === 'cookie') {
      if (cookies.none) continue
      pairs ??= []
      cookies.keep(raw[i + 1]!, pairs) // one list, however many lines it came in
    } else if (rule === undefined || (rule === 'authorization' ? passed.authorization : passed.forwarded)) {
      kept.push(name, raw[i + 1]!)
    }
  }
  if (pairs !== undefined && pairs.length > 0) kept.push('Cookie', pairs.join('; '))
  return kept
}

/** One hop less, on its way to whom it asks about (RFC 9110 §7.6.2); 0 never gets here, and what is no number is nobody's limit. */
export function countHop(headers: RawHeaders): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() !== 'max-forwards' || !/^\d{1,9}$/.test(headers[i + 1]!)) continue
    headers[i + 1] = String(Math.max(0, Number(headers[i + 1]) - 1))
  }
}

/** CGI and WSGI read `X_User_Id` and `X-User-Id` as one name: a spelling with `_` of anything judged above is never meant well. */
function underscored(lower: string): Rule | undefined {
  return ruleOf(lower.replaceAll('_', '-')) === undefined ? undefined : 'drop'
}

function nominatedBy(raw: RawHeaders): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    if (name.length === 10 && name.toLowerCase() === 'connection') names = nominate(raw[i + 1]!, names)
  }
  return names
}
