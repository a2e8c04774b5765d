// Key `bearer` of section `auth`: whose access tokens are taken on `auth: bearer` routes, and how they are judged.
import { z } from 'zod'
import type { ConfigView } from '../../../core/index.ts'
import { duration, isLoopback, wordList } from '../settings/text-values.ts'

/** Times in milliseconds. */
export interface BearerSettings {
  /** Any of these will do. Empty: that of the route's service. */
  readonly audience: readonly string[]
  /** Null: `auth.issuer`. */
  readonly issuer: string | null
  readonly algorithms: readonly string[]
  readonly typ: 'at+jwt' | 'jwt'
  readonly introspection: 'never' | 'opaque' | 'always'
  readonly cache: { readonly ttl: number; readonly negative_ttl: number; readonly max_entries: number }
}

/** No HMAC: whoever checks such a token could make one. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

const issuer = z.string().superRefine((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback(url)))
    context.addIssue({ code: 'custom', message: 'must be the https URL of an issuer (http only on loopback)' })
})

const upTo = (longest: number, words: string) =>
  duration.refine((ms) => ms <= longest, {
    error: `must be at most ${words}: a token that was taken back is good for so long`,
  })

export const bearerSchema = z
  .strictObject({
    audience: wordList.default([]),
    issuer: issuer.nullable().default(null),
    algorithms: z
      .array(z.enum(algorithms, { error: `must be one of ${algorithms.join(', ')}` }))
      .min(1, 'must name at least one algorithm')
      .default(algorithms),
    typ: z
      .enum(['at+jwt', 'jwt'], { error: 'must be at+jwt (RFC 9068), or jwt for an issuer that does not say so' })
      .default('at+jwt'),
    introspection: z.enum(['never', 'opaque', 'always'], { error: 'must be never, opaque or always' }).default('never'),
    cache: z
      .strictObject({
        ttl: upTo(300_000, '5m').prefault('30s'),
        negative_ttl: upTo(60_000, '1m').prefault('5s'),
        max_entries: z.int().min(16).max(1_000_000).default(10_000),
      })
      .prefault({}),
  })
  .nullable()
  .default(null)

interface Route {
  readonly id: string
  readonly at: string
  readonly auth: string
  readonly target_service: string
  readonly scopes?: readonly string[]
}

const whose = "auth.issuer's own access tokens for the route's service, or bearer: {issuer: …, audience: …} for others"

function said({ id, at }: Route, count: number): string {
  return count === 1 ? `the route ${id} (${at}) says` : `${count} routes, the first is ${id} (${at}), say`
}

export function reviewBearer(value: BearerSettings | null, view: ConfigView): void {
  const audiences = view.sections.service_audiences ?? {}
  if (value !== null && value.issuer !== null && value.introspection !== 'never')
    view.error(
      ['bearer', 'introspection'],
      "asks with this client's credentials, which are for auth.issuer alone; take issuer out, or write introspection: never",
    )
  const routes = view.routes as readonly Route[]
  const asking = value === null ? routes.filter(({ auth }) => auth === 'bearer') : []
  if (asking[0])
    view.error(
      ['bearer'],
      `is missing, but ${said(asking[0], asking.length)} auth: bearer; write bearer: {} to take ${whose}`,
    )
  for (const route of routes) {
    if (route.auth !== 'bearer' && (route.scopes?.length ?? 0) > 0)
      view.error(
        ['bearer'],
        `does not hold for the route ${route.id} (${route.at}): scopes are read on auth: bearer routes only`,
      )
    const known = value === null || value.audience.length > 0 || Object.hasOwn(audiences, route.target_service)
    if (route.auth === 'bearer' && !known)
      view.error(
        ['bearer'],
        `cannot tell whose tokens are for the route ${route.id} (${route.at}): give ${route.target_service} an entry in service_audiences, or write bearer: {audience: …}`,
      )
  }
}
