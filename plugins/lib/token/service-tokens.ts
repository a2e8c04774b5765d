// Section `service_tokens`: how one service's token is made and judged, where that differs from the rest.
import { z } from 'zod'
import type { ConfigView, PluginRef, Section } from '../../../core/index.ts'
import { reviewNames } from '../settings/settings-review.ts'
import { sparesOtherServices } from '../settings/spares-other-services.ts'
import { isLoopback } from '../settings/text-values.ts'

declare module '../../../core/contract.ts' {
  interface Sections {
    service_tokens: Readonly<Record<string, ServiceTokenSettings>>
  }
}

/** One entry of `service_tokens`. What is absent is as for all services: `auth.mint`, or what `auth.preset` says. */
export interface ServiceTokenSettings {
  readonly mint?: PluginRef
  /** Sent along with the token request. */
  readonly params?: Readonly<Record<string, string>>
  /** What `aud` must hold, where it is not what is asked for (Entra: the API's client id). */
  readonly expected_audience?: string
  /** `includes`: `aud` holds it among others. `exact`: it is the only one. */
  readonly match?: 'exact' | 'includes'
  readonly token_endpoint?: string
  /** A token that is no JWT. `introspect`: the identity provider tells its audience (RFC 7662). `trust`: it is sent unseen. */
  readonly opaque?: 'refuse' | 'introspect' | 'trust'
}

const text = z.string().trim().min(1, 'must not be empty')
export const pluginRef = z.union([
  text,
  z.strictObject({ use: text, with: z.record(z.string(), z.unknown()).optional() }),
])

/** Given by the minter or the client's authentication; a second one would contradict it. */
const ownParams =
  /^(client_id|client_secret|client_assertion.*|grant_type|refresh_token|subject_token.*|actor_token.*|code|code_verifier|redirect_uri)$/

const params = z.record(z.string(), text).superRefine((given, context) => {
  for (const name of Object.keys(given))
    if (ownParams.test(name))
      context.addIssue({
        code: 'custom',
        path: [name],
        message: `${name} is set by Bascule and cannot be given in params`,
      })
})

/** The client's credentials are sent there. */
const tokenEndpoint = text.superRefine((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  if (url === undefined || !secure || url.hash !== '' || url.username !== '')
    context.addIssue({ code: 'custom', message: 'must be an https URL (http only on loopback)' })
})

const entry = z.strictObject({
  mint: pluginRef.optional(),
  params: params.optional(),
  expected_audience: text.optional(),
  match: z.enum(['exact', 'includes'], { error: 'must be exact or includes' }).optional(),
  token_endpoint: tokenEndpoint.optional(),
  opaque: z
    .enum(['refuse', 'introspect', 'trust'], {
      error: 'must be refuse, introspect (ask the identity provider) or trust (send it unseen)',
    })
    .optional(),
})

type Entries = Readonly<Record<string, ServiceTokenSettings>>

function review(value: Entries, view: ConfigView): void {
  reviewNames(value, view)
  const audiences = view.sections.service_audiences ?? {}
  for (const [name, { opaque }] of Object.entries(value)) {
    if (Object.hasOwn(view.services, name) && !Object.hasOwn(audiences, name))
      view.warn([name], `has no audience: add ${name} to service_audiences, or no token is minted for it`)
    if (opaque === 'trust')
      view.warn([name, 'opaque'], 'a token that is no JWT is sent unseen: nothing checks that it is for this service')
  }
}

export const serviceTokensSection: Section<Entries> = {
  schema: z.record(z.string(), entry).default({}) as unknown as Section<Entries>['schema'],
  refs: (value) =>
    Object.entries(value).flatMap(([name, { mint }]) =>
      mint === undefined ? [] : [{ kind: 'minter' as const, ref: mint, path: [name, 'mint'] }],
    ),
  spares: sparesOtherServices,
  review,
}
