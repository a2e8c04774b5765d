import { z } from 'zod'
import { defineStage, type Exchange, type Reply, type Verdict } from '../core/index.ts'
import { size } from './lib/settings/size-option.ts'

const mediaType = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9!#$&^_.+-]+\/(\*|[a-z0-9!#$&^_.+-]+)$/, 'must be a media type such as application/json or image/*')
const method = z.string().regex(/^[A-Z]+$/, 'must be a method in capitals, such as POST')

const options = z.strictObject({
  max_body: size.nullable().prefault(null),
  content_types: z.array(mediaType).min(1, 'must not be empty; leave it out to take all').nullable().default(null),
  methods: z.array(method).min(1, 'must not be empty; leave it out to take all').nullable().default(null),
  max_headers: z.int().min(1).nullable().default(null),
  max_header_size: size.nullable().prefault(null),
})
type Options = z.output<typeof options>
type X = Exchange<'route'>

/** Bounds what may be sent: methods, headers, kinds of bodies and their size. Before a byte goes upstream, wherever that can be told. */
export default defineStage({
  name: 'request-limits',
  options,
  needs: ['route'],
  also: ['upgrades'],
  *problems(route, { methods }) {
    const never = methods === null ? undefined : route.methods?.find((name) => !methods.includes(name))
    if (never !== undefined)
      yield `takes ${never} by its methods, which methods of request-limits leaves out; make the two agree`
  },
  setup(host) {
    const limits = new RequestLimits(host.options)
    return () => ({ run: (x: X): Verdict<'filter'> => limits.refusal(x) ?? x.proceed() })
  },
})

class RequestLimits {
  readonly #options: Options
  readonly #methods: ReadonlySet<string> | undefined
  readonly #allow: string
  readonly #types: ReadonlySet<string> | undefined
  readonly #accept: string

  constructor(options: Options) {
    const { methods, content_types } = options
    // A GET answers HEAD as well (RFC 9110 §9.1).
    const taken = methods?.includes('GET') ? [...new Set([...methods, 'HEAD'])] : methods
    this.#options = options
    this.#methods = taken ? new Set(taken) : undefined
    this.#allow = taken?.join(', ') ?? ''
    this.#types = content_types ? new Set(content_types) : undefined
    this.#accept = content_types?.join(', ') ?? ''
  }

  refusal(x: X): Reply | undefined {
    if (this.#methods !== undefined && !this.#methods.has(x.method)) {
      const detail = `this route answers ${this.#allow}`
      return x.reply(405, 'METHOD_NOT_ALLOWED', { headers: ['Allow', this.#allow], detail })
    }
    return this.#headers(x) ?? this.#body(x)
  }

  #headers(x: X): Reply | undefined {
    const { max_headers, max_header_size } = this.#options
    const { rawHeaders } = x
    if (max_headers !== null && rawHeaders.length / 2 > max_headers)
      return x.reply(431, 'HEADERS_TOO_LARGE', { detail: `this route takes ${max_headers} headers at most` })
    if (max_header_size === null) return undefined
    let bytes = 0
    for (const text of rawHeaders) bytes += text.length + 2 // `: ` and CR LF
    if (bytes <= max_header_size) return undefined
    return x.reply(431, 'HEADERS_TOO_LARGE', { detail: `this route takes ${max_header_size} bytes of headers at most` })
  }

  #body(x: X): Reply | undefined {
    if (x.body.kind === 'none') return undefined
    if (this.#types !== undefined && !this.#takes(x.headerAll('content-type'), this.#types)) {
      const detail = `this route takes bodies of ${this.#accept}`
      return x.reply(415, 'UNSUPPORTED_MEDIA_TYPE', { headers: ['Accept', this.#accept], detail })
    }
    const { max_body } = this.#options
    if (max_body === null) return undefined
    if (Number(x.header('content-length') ?? 0) > max_body)
      return x.reply(413, 'BODY_TOO_LARGE', { detail: `this route takes ${max_body} bytes at most` })
    x.body.limit(max_body) // chunked: nobody knows before
    return undefined
  }

  /** A body without a type is guessed at by whoever reads it, and two types are read in two ways. */
  #takes(values: readonly string[], types: ReadonlySet<string>): boolean {
    if (values.length !== 1) return false
    const essence = values[0]!.split(';', 1)[0]!.trim().toLowerCase()
    return types.has(essence) || (/^[^/,\s]+\/[^/,\s]+$/.test(essence) && types.has(`${essence.split('/', 1)[0]}/*`))
  }
}
