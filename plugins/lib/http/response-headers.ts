// What of an upstream's answer reaches the browser. One pass over the raw fields; order, case and repeats kept.
import type { RawHeaders } from '../../../core/index.ts'
import type { PublicLocation } from '../routing/public-location.ts'
import { withoutChallenge } from './challenges.ts'
import { nominate } from './connection-options.ts'
import { listElements } from './list-elements.ts'
import type { OwnCookies } from './own-cookies.ts'

/** Pieces as undici hands them over. */
export type WireFields = readonly (string | Uint8Array)[]

type Rule = 'drop' | 'address' | 'cookie' | 'challenge' | 'nonce' | 'cache' | 'shared' | 'clear'

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** Told to shared caches in front of us, over the head of Cache-Control (RFC 9213 and its forerunners). */
const sharedCaches = ['surrogate-control', 'x-accel-expires', 'edge-control']
/** `CDN-Cache-Control`, and each vendor's own, of which there are new ones every year (RFC 9213 §3.1). */
const targeted = /-cache-control$/
/** Who may read a session's answers is decided here, never by an upstream that reflects the Origin. */
const crossOrigin = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
]

/**
 * Kept by browsers for the whole origin, which is not one service's: with NEL (and its endpoints in Report-To) a service would be sent the
 * addresses of all requests here, the callback's code included; Alt-Svc would move them to another port or host.
 */
const ofTheOrigin = ['nel', 'report-to', 'alt-svc']

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...[...hopByHop, ...ofTheOrigin].map((name): [string, Rule] => [name, 'drop']),
  ['set-cookie', 'cookie'],
  ['www-authenticate', 'challenge'],
  ['dpop-nonce', 'nonce'],
  ['cache-control', 'cache'],
  ['clear-site-data', 'clear'],
  ['location', 'address'],
  ['content-location', 'address'],
  ...[...sharedCaches, ...crossOrigin].map((name): [string, Rule] => [name, 'shared']),
])

function ruleOf(lower: string): Rule | undefined {
  return rules.get(lower) ?? (targeted.test(lower) ? 'shared' : undefined)
}

/** Never merged into a message from behind its body (RFC 9110 §6.5.1). */
const notInTrailers =
  /^(content-|set-cookie|www-authenticate|authorization|cache-control|host$|location$|access-control-)/i

export class ResponseFilter {
  readonly #own: OwnCookies
  readonly #personal: boolean
  readonly #ownToken: boolean
  readonly #locations: PublicLocation | undefined

  /**
   * `personal`: the answer is for one session, and no shared cache may keep it (RFC 9111 §5.2.2.7). `ownToken`: the client sent the token
   * itself, so that what the service says of it is for the client. `locations`: of the route.
   */
  constructor(own: OwnCookies, personal: boolean, ownToken = false, locations?: PublicLocation) {
    this.#own = own
    this.#personal = personal
    this.#ownToken = ownToken
    this.#locations = locations
  }

  head(status: number, fields: WireFields): RawHeaders {
    const raw = texts(fields)
    const nominated = nominatedBy(raw)
    const kept: RawHeaders = []
    let directives = ''
    let challenges: 'untouched' | 'dropped' | 'left' = 'untouched'
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!
      const lower = name.toLowerCase()
      const rule = ruleOf(lower)
      if (rule === 'drop' || nominated?.has(lower)) continue
      let value = raw[i + 1]!
      if (rule === 'cookie' && this.#own.owns(cookieName(value))) continue
      if (rule === 'challenge' && !this.#ownToken) {
        value = withoutChallenge(withoutChallenge(value, 'bearer'), 'dpop')
        if (value === '') {
          if (challenges === 'untouched') challenges = 'dropped'
          continue
        }
        challenges = 'left'
      }
      if (rule === 'address' && this.#locations !== undefined) value = this.#locations.of(value)
      if (rule === 'nonce' && !this.#ownToken) continue
      if (this.#personal && rule === 'shared') continue
      if (rule === 'clear') {
        value = withoutCookies(value)
        if (value === '') continue
      }
      if (this.#personal && rule === 'cache') directives = directives === '' ? value : `${directives}, ${value}`
      else kept.push(name, value)
    }
    // A 401 carries a challenge (RFC 9110 §15.5.2); `Session` is a scheme no browser opens a dialog for.
    if (status === 401 && challenges === 'dropped') kept.push('WWW-Authenticate', 'Session')
    if (this.#personal) kept.push('Cache-Control', knownPersonalCaching(directives))
    return kept
  }

  /** For 103: what an interim answer may say is less than the final one. */
  interim(fields: WireFields): RawHeaders {
    return withoutFields(texts(fields), (lower) => ruleOf(lower) !== undefined)
  }

  trailers(fields: WireFields): RawHeaders {
    return withoutFields(texts(fields), (lower) => ruleOf(lower) !== undefined || notInTrailers.test(lower))
  }
}

const personalKnown = new Map<string, string>()
const MAX_KNOWN = 64

/** An upstream says the same few things: each is worked out once, while they are few and short. */
function knownPersonalCaching(value: string): string {
  let made = personalKnown.get(value)
  if (made === undefined) {
    made = personalCaching(value)
    if (personalKnown.size < MAX_KNOWN && value.length < 128) personalKnown.set(value, made)
  }
  return made
}

/** As it was where it says no-store or private; else without what lets a shared cache keep it, and private. */
function personalCaching(value: string): string {
  const directives = listElements(value)
  const kept = directives.filter((directive) => !isShared(directive))
  const closed = kept.some((directive) => /^(private|no-store)$/i.test(directive))
  return closed ? kept.join(', ') : [...kept, 'private'].join(', ')
}

/** `"cookies"` and `"*"` would end the session without a logout: nobody would revoke its tokens. */
function withoutCookies(value: string): string {
  return listElements(value)
    .filter((type) => !/^"(cookies|\*)"$/i.test(type))
    .join(', ')
}

function isShared(directive: string): boolean {
  return /^(public|s-maxage)\s*(=|$)/i.test(directive)
}

/**
 * The name under which a browser would send this cookie back. `=name=v` and ` name = v` are sent as `name=v` (RFC 6265bis §5.7): an
 * upstream could plant our session cookie that way.
 */
function cookieName(value: string): string {
  let start = 0
  while (start < value.length && isBlankOrEquals(value.charCodeAt(start))) start++
  let end = start
  while (end < value.length && value.charAt(end) !== '=' && value.charAt(end) !== ';') end++
  return value.slice(start, end)
}

function isBlankOrEquals(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x3d
}

function nominatedBy(raw: RawHeaders): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.length === 10 && raw[i]!.toLowerCase() === 'connection') names = nominate(raw[i + 1]!, names)
  }
  return names
}

function withoutFields(raw: RawHeaders, unwanted: (lower: string) => boolean): RawHeaders {
  const kept: RawHeaders = []
  for (let i = 0; i < raw.length; i += 2) {
    if (!unwanted(raw[i]!.toLowerCase())) kept.push(raw[i]!, raw[i + 1]!)
  }
  return kept
}

/** latin1: bytes above 0x7f go through as they came. */
function texts(fields: WireFields): RawHeaders {
  const raw = new Array<string>(fields.length)
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!
    raw[i] = typeof field === 'string' ? field : (field as Buffer).toString('latin1')
  }
  return raw
}
