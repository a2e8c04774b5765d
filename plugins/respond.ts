import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { defineStage, type Exchange, type RawHeaders, type ReplyExtra, type Verdict } from '../core/index.ts'
import { clientAddress } from './lib/http/forwarded.ts'
import { headerMap, headerValue } from './lib/http/header-options.ts'
import { TrustedPeers } from './lib/http/trusted-peers.ts'
import { addressOrNetwork } from './lib/settings/address-option.ts'
import { duration } from './lib/settings/text-values.ts'

/** Written by the host, or by the two options that say it. */
const notHere =
  /^(content-length|content-type|transfer-encoding|connection|keep-alive|trailer|upgrade|te|retry-after|set-cookie)$/
const whyNotHere = 'is written by the host, or has an option of its own: content_type, retry_after'

const shape = z.strictObject({
  /** Absent: the stage lets everything pass. */
  status: z
    .int()
    .min(200, 'must be a final status, 200 to 599')
    .max(599, 'must be a final status, 200 to 599')
    .optional(),
  body: z.string().optional(),
  json: z.unknown().optional(),
  content_type: headerValue.optional(),
  headers: headerMap((lower) => (notHere.test(lower) ? whyNotHere : undefined)).default({}),
  code: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, 'must be a word in capitals such as MAINTENANCE')
    .optional(),
  detail: z.string().min(1).optional(),
  retry_after: duration.optional(),
  /** Addresses and CIDRs that are let through. */
  allow: z.array(addressOrNetwork).default([]),
  endpoints: z.boolean().default(false),
})
type Options = z.output<typeof shape>

const options = shape.superRefine((value, context) => {
  const say = (path: keyof Options, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const { status, body, json, content_type } = value
  if (body !== undefined && json !== undefined) say('json', 'has no place beside body; remove one of the two')
  if (json !== undefined && content_type !== undefined && !/json/i.test(content_type)) say('content_type', 'is no JSON')
  if (status === undefined) {
    for (const key of ['body', 'json', 'detail', 'code', 'retry_after'] as const)
      if (value[key] !== undefined) say(key, 'is never sent without a status; write e.g. status: 503')
  } else if ((status === 204 || status === 304) && (body !== undefined || json !== undefined))
    say('status', `${status} has no body; use 200, or remove the body`)
  else if (status >= 300 && status < 400 && status !== 304 && !hasLocation(value))
    say('status', `${status} is a redirect; say where to in headers: { Location: … }`)
})

function hasLocation({ headers }: Options): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'location')
}

/** Answers by itself what its options say: a static answer for a route, or a maintenance notice for a whole profile. */
export default defineStage({
  name: 'respond',
  options,
  needs: ['route'],
  also: ['upgrades', 'endpoints'],
  applies: (route, { status, endpoints }) => status !== undefined && (route.from === 'routes.yaml' || endpoints),
  setup(host) {
    const { status = 200 } = host.options
    const peers = new TrustedPeers(host.server.trusted_proxies)
    const allowed = new TrustedPeers(host.options.allow)
    const code = codeOf(host.options)
    const extra = extraOf(host.options, status)
    return () => ({
      run(x: Exchange<'route'>): Verdict<'filter'> {
        return allowed.trusts(clientAddress(x, peers)) ? x.proceed() : x.reply(status, code, extra)
      },
    })
  },
})

function codeOf({ code, status = 200 }: Options): string {
  if (code !== undefined) return code
  if (status === 503) return 'MAINTENANCE'
  return status < 400 ? 'OK' : (STATUS_CODES[status] ?? 'Error').toUpperCase().replaceAll(/[^A-Z]+/g, '_')
}

function extraOf(options: Options, status: number): ReplyExtra {
  const { body, json, detail, retry_after } = options
  const text = json === undefined ? body : JSON.stringify(json)
  const isProblem = text === undefined && status >= 400
  return {
    headers: isProblem ? Object.entries(options.headers).flat() : headersOf(options, text !== undefined),
    ...(text !== undefined && { body: text }),
    ...(detail !== undefined && { detail }),
    ...(retry_after !== undefined && isProblem && { retryAfter: Math.ceil(retry_after / 1000) }),
  }
}

/** A problem has these already. Unless said, nobody keeps it: a notice that a cache goes on showing outlives the maintenance. */
function headersOf({ headers, content_type, json, retry_after }: Options, hasBody: boolean): RawHeaders {
  const raw = Object.entries(headers).flat()
  const type = content_type ?? (json === undefined ? 'text/plain; charset=utf-8' : 'application/json')
  if (hasBody) raw.push('Content-Type', type, 'X-Content-Type-Options', 'nosniff')
  if (!raw.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'cache-control'))
    raw.push('Cache-Control', 'no-store')
  if (retry_after !== undefined) raw.push('Retry-After', String(Math.ceil(retry_after / 1000)))
  return raw
}
