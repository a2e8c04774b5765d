import { z } from 'zod'
import { defineStage, type Exchange, type Head, type RawHeaders } from '../core/index.ts'
import { headerValue } from './lib/http/header-options.ts'
import { PublicOrigins } from './lib/http/public-origins.ts'

const value = headerValue.min(1, 'must not be empty; null leaves the header out').nullable()

const options = z.strictObject({
  strict_transport_security: value.default('max-age=31536000'),
  content_type_options: z.literal('nosniff', 'must be nosniff, or null').nullable().default('nosniff'),
  referrer_policy: value.default('strict-origin-when-cross-origin'),
  frame_ancestors: value.default("'self'"),
  content_security_policy: value.default(null),
  permissions_policy: value.default('camera=(), geolocation=(), microphone=()'),
  cross_origin_opener_policy: value.default('same-origin'),
  cross_origin_resource_policy: value.default('same-origin'),
  override: z.boolean().default(false),
})
type Options = z.output<typeof options>

/** What browsers are told beside the answer itself; errors and pages of our own included. */
export default defineStage({
  name: 'security-headers',
  options: options.superRefine(({ content_security_policy: policy }, context) => {
    if (policy === null || !/(^|;)\s*frame-ancestors\b/i.test(policy)) return
    const message = 'says frame-ancestors, which has an option of its own: frame_ancestors'
    context.addIssue({ code: 'custom', path: ['content_security_policy'], message })
  }),
  needs: ['route'],
  also: ['upgrades', 'endpoints', 'unrouted'],
  setup(host) {
    const origins = new PublicOrigins(host.server).map((origin) => new SecurityHeaders(host.options, origin))
    const run = (x: Exchange<'route'>) => x.proceed()
    const response = (x: Exchange, head: Head) => (origins.of(x) ?? origins.first).add(head)
    return () => ({ run, response })
  },
})

/** Kept for the whole host, whichever service said it last: with `max-age=0` one would take https from all (RFC 6797 §6.1.1). */
const hsts = 'strict-transport-security'

/** Worked out once: a head is checked against a few names. */
class SecurityHeaders {
  /** Name, lower case, value. */
  readonly #fields: readonly (readonly [name: string, lower: Lowercase<string>, value: string])[]
  readonly #ancestors: string | null
  readonly #override: boolean

  constructor(options: Options, origin: string) {
    const secure = origin.startsWith('https:')
    const fields: readonly (readonly [string, string | null])[] = [
      // Browsers ignore it over plain http (RFC 6797 §8.1), and a developer's localhost must not be promised to https.
      ['Strict-Transport-Security', secure ? options.strict_transport_security : null],
      ['X-Content-Type-Options', options.content_type_options],
      ['Referrer-Policy', options.referrer_policy],
      ['X-Frame-Options', frameOptions(options.frame_ancestors)],
      ['Content-Security-Policy', options.content_security_policy],
      ['Permissions-Policy', options.permissions_policy],
      ['Cross-Origin-Opener-Policy', options.cross_origin_opener_policy],
      ['Cross-Origin-Resource-Policy', options.cross_origin_resource_policy],
    ]
    this.#fields = fields.flatMap(([name, value]) =>
      value === null ? [] : [[name, name.toLowerCase() as Lowercase<string>, value] as const],
    )
    this.#ancestors = options.frame_ancestors
    this.#override = options.override
  }

  /** The pages of our own stages know better what they need; a service's word counts unless `override`. */
  add({ headers, by }: Head): undefined {
    const replace = this.#override && by === 'upstream'
    const isFramed = !replace && saysWhoMayFrame(headers.raw)
    for (const [name, lower, value] of this.#fields) {
      if (lower === 'x-frame-options' && isFramed) continue
      const ofTheHost = lower === hsts && by === 'upstream'
      if (replace || ofTheHost || headers.get(lower) === undefined) headers.set(name, value)
    }
    // A policy of its own: several are all obeyed (CSP 3 §8.1), so the service's cannot lose by ours.
    if (this.#ancestors !== null && !isFramed)
      headers.append('Content-Security-Policy', `frame-ancestors ${this.#ancestors}`)
  }
}

function saysWhoMayFrame(raw: RawHeaders): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const lower = raw[i]!.toLowerCase()
    if (lower === 'x-frame-options') return true
    if (lower === 'content-security-policy' && /frame-ancestors/i.test(raw[i + 1]!)) return true
  }
  return false
}

/** The old header can say two of them; what it cannot say is left to frame-ancestors alone. */
function frameOptions(ancestors: string | null): string | null {
  if (ancestors === "'none'") return 'DENY'
  return ancestors === "'self'" ? 'SAMEORIGIN' : null
}
