// The sections of settings.yaml that sessions and tokens read. One object a section, however many plugins declare it.

import { z } from 'zod'
import { didYouMean, type PluginRef, type Section } from '../../../core/index.ts'
import { type BearerSettings, bearerSchema, reviewBearer } from '../bearer/bearer-settings.ts'
import { type CorsSettings, corsSection } from '../http/cors-settings.ts'
import { type ClientAuthSettings, checkClientAuth, clientAuthKeys, clientAuthOf } from '../idp/client-auth-settings.ts'
import { type PresetName, presetNames, presetOf } from '../idp/idp-presets.ts'
import type { BindSettings } from '../session/client-binding.ts'
import { pluginRef, serviceTokensSection } from '../token/service-tokens.ts'
import { reviewAudiences, reviewAuth, reviewScopes, reviewSession } from './settings-review.ts'
import { sparesOtherServices } from './spares-other-services.ts'
import { duration, isLoopback, wordList } from './text-values.ts'

declare module '../../../core/contract.ts' {
  interface Sections {
    auth: AuthSettings
    session: SessionSettings
    service_audiences: Readonly<Record<string, string>>
    service_scopes: Readonly<Record<string, readonly string[]>>
    cors: CorsSettings
  }
}

/** Section `auth`. `mint` names a minter; the secret never appears in a log or an answer. */
export interface AuthSettings extends ClientAuthSettings {
  readonly issuer: string
  readonly client_id: string
  readonly oauth_scopes: readonly string[]
  readonly authorize_params: Readonly<Record<string, string>>
  /** Names of the login's own query that go to the identity provider. */
  readonly pass_params: readonly string[]
  readonly userinfo: boolean
  /** RFC 9449: every session's tokens are bound to a key of its own. */
  readonly dpop: boolean
  readonly mint: PluginRef
  /** What filled in the rest where settings.yaml is silent. */
  readonly preset: PresetName | null
  /** Null: no access tokens are taken. */
  readonly bearer: BearerSettings | null
}

/** Section `session`. Times in milliseconds; `keys` newest first, empty: one is made at start. */
export interface SessionSettings {
  readonly store: PluginRef
  readonly idle_timeout: number
  readonly absolute_timeout: number
  readonly cookie: { readonly name: string; readonly same_site: 'strict' | 'lax'; readonly domain: string | null }
  readonly keys: readonly string[]
  /** Lower case. */
  readonly csrf_header: string | null
  readonly bind: BindSettings
}

const text = z.string().trim().min(1, 'must not be empty')

const issuer = text.superRefine((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  if (url === undefined || !secure || url.search !== '' || url.hash !== '' || url.username !== '')
    context.addIssue({
      code: 'custom',
      message: 'must be the https URL of the identity provider (http only on loopback), without query',
    })
})

const mint = pluginRef.optional().meta({ default: 'resource' })

/** Ours alone: a copy in authorize_params would undo PKCE, state or the audience check. */
const ownParams =
  /^(client_id|client_secret|redirect_uri|response_type|response_mode|state|nonce|scope|resource|dpop_jkt|request|request_uri|id_token_hint|code_challenge.*)$/
const authorizeParams = z
  .record(z.string(), text)
  .default({})
  .superRefine((params, context) => {
    for (const name of Object.keys(params))
      if (ownParams.test(name))
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `${name} is set by Bascule and cannot be given in authorize_params`,
        })
  })

const passParams = z
  .array(text)
  .default(['login_hint'])
  .superRefine((names, context) => {
    for (const [at, name] of names.entries())
      if (ownParams.test(name) || name === 'return_to' || name === 'resume' || name === 'service')
        context.addIssue({ code: 'custom', path: [at], message: `${name} is set by Bascule and cannot be passed on` })
  })

const usualScopes = ['openid', 'profile', 'email', 'offline_access']
const scopes = wordList
  .optional()
  .meta({ default: usualScopes })
  .superRefine((words, context) => {
    if (words !== undefined && !words.includes('openid'))
      context.addIssue({
        code: 'custom',
        message: 'must contain openid: without it the identity provider sends no ID token, and nobody is signed in',
      })
  })

function unknownPreset({ input }: { readonly input?: unknown }): string {
  return `must be one of ${presetNames.join(', ')}${didYouMean(String(input), presetNames)}`
}

const authSchema = z
  .strictObject(
    {
      issuer,
      client_id: text,
      ...clientAuthKeys,
      oauth_scopes: scopes,
      authorize_params: authorizeParams,
      pass_params: passParams,
      dpop: z.boolean({ error: 'must be true or false' }).default(false),
      userinfo: z.boolean({ error: 'must be true or false' }).default(false),
      mint,
      bearer: bearerSchema,
      preset: z.enum(presetNames, { error: unknownPreset }).nullable().default(null),
    },
    { error: needed('auth', 'issuer, client_id and client_secret') },
  )
  .superRefine(checkClientAuth)
  .transform(({ mint, oauth_scopes, authorize_params, ...auth }) => {
    // What is written wins over the preset, key by key.
    const preset = presetOf(auth.preset)
    return {
      ...auth,
      client_auth: clientAuthOf(auth),
      mint: (mint ?? preset.mint ?? 'resource') as PluginRef,
      oauth_scopes: oauth_scopes ?? [...(preset.onlyScopes ?? usualScopes), ...(preset.scopes ?? [])],
      authorize_params: { ...preset.authorizeParams, ...authorize_params },
    }
  })

/** Only for absence: anything else keeps zod's own words. */
function needed(name: string, keys: string) {
  return (issue: { readonly code?: string; readonly input?: unknown }) =>
    issue.code === 'invalid_type' && (issue.input === undefined || issue.input === null)
      ? `settings.yaml needs a section ${name} with ${keys}`
      : undefined
}

const cookieName = text.superRefine((name, context) => {
  if (!/^[A-Za-z0-9_-]+$/.test(name))
    context.addIssue({ code: 'custom', message: 'may have letters, digits, _ and - only' })
  if (/^__(host|secure|http)-/i.test(name))
    context.addIssue({
      code: 'custom',
      message: 'is written without prefix: over https the name gets __Host- by itself',
    })
  if (name === 'bff_login')
    context.addIssue({ code: 'custom', message: "is the login transaction's cookie; take another name" })
})

const cookie = z
  .strictObject({
    name: cookieName.default('bff_session'),
    same_site: z
      .enum(['strict', 'lax'], { error: 'must be strict or lax: none would send the session from foreign sites' })
      .default('strict'),
    domain: text
      .toLowerCase()
      .regex(
        /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/,
        'must be a domain name such as example.com',
      )
      .nullable()
      .default(null),
  })
  .prefault({})

const key = z
  .string()
  .trim()
  .superRefine((value, context) => {
    if (new TextEncoder().encode(value).length < 32 || new Set(value).size < 8)
      context.addIssue({
        code: 'custom',
        message: 'needs at least 32 random bytes; make one with: openssl rand -base64 32',
      })
  })

/** A page of any site can send these, or the browser does by itself: they prove nothing. */
const sentByAnyone =
  /^(accept.*|content-.*|range|cookie|host|origin|referer|user-agent|connection|authorization|cache-control|pragma|dnt|date|te|via|(sec|proxy)-.*)$/
const csrfHeader = text
  .toLowerCase()
  .regex(/^[a-z0-9-]+$/, 'must be a header name')
  .refine((name) => !sentByAnyone.test(name), {
    error: 'must be a header that only a script of this origin can add, such as X-CSRF',
  })

/** `true`: what a provider gives to one customer or site, near enough. */
const addressPrefix = z
  .union([z.boolean().transform((on) => (on ? 24 : 0)), z.int().min(8).max(32)], {
    error: 'must be true, false, or bits of an IPv4 address from 8 to 32',
  })
  .default(0)

const bind = z.strictObject({ user_agent: z.boolean().default(false), address_prefix: addressPrefix }).prefault({})

const sessionSchema = z
  .strictObject({
    store: pluginRef.default('memory'),
    idle_timeout: duration.prefault('1h'),
    absolute_timeout: duration.prefault('12h'),
    cookie,
    keys: z.array(key).default([]),
    csrf_header: csrfHeader.nullable().default(null),
    bind,
  })
  .prefault({})

const auth: Section<AuthSettings> = {
  schema: authSchema,
  refs: (value) => [{ kind: 'minter', ref: value.mint, path: ['mint'] }],
  stages: ({ bearer }) => (bearer === null ? [] : ['bearer-auth']),
  review(value, view) {
    reviewAuth(value, view)
    reviewBearer(value.bearer, view)
  },
}
const session: Section<SessionSettings> = {
  schema: sessionSchema,
  refs: (value) => [{ kind: 'session-store', ref: value.store, path: ['store'] }],
  review: reviewSession,
}
const service_audiences: Section<Readonly<Record<string, string>>> = {
  schema: z.record(z.string(), text).default({}),
  spares: sparesOtherServices,
  review: reviewAudiences,
}
const service_scopes: Section<Readonly<Record<string, readonly string[]>>> = {
  schema: z.record(z.string(), wordList).default({}),
  review: reviewScopes,
  spares: sparesOtherServices,
}

/** Plugins pick from here: two plugins may declare one section only with the same object. */
export const sections = {
  auth,
  session,
  service_audiences,
  service_scopes,
  service_tokens: serviceTokensSection,
  cors: corsSection,
}
