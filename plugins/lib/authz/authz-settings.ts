// Section `pdp`: the decision point that `authz: pdp` routes ask.
import { z } from 'zod'
import type { ConfigView, Section } from '../../../core/index.ts'
import { duration, isLoopback, parseDuration } from '../settings/text-values.ts'

declare module '../../../core/contract.ts' {
  interface Sections {
    pdp: PdpSettings
  }
}

/** Times in milliseconds. */
export interface PdpSettings {
  /** Put before /access/v1/evaluation; no trailing slash. Null: no route may ask. */
  readonly base_url: string | null
  /** For the whole answer. */
  readonly timeout: number
  /** How long a decision may be used again; 0: never. */
  readonly cache: { readonly allow: number; readonly deny: number }
  /** Sent as `Authorization: Bearer`. */
  readonly token: string | null
}

const longestTimeout = 30_000
const longestCache = 3_600_000

const baseUrl = z.string().transform((value, context): string => {
  const url =
    /^https?:\/\/[^/\\?#@\s]+(?:\/[^\\?#@\s]*)?$/i.test(value) && URL.canParse(value) ? new URL(value) : undefined
  if (url !== undefined) return url.origin + url.pathname.replace(/\/+$/, '')
  const message = 'must be an http or https URL such as https://pdp.example.com, without user, query and fragment'
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

const timeout = duration.refine((ms) => ms <= longestTimeout, 'must be at most 30s: a browser waits for it')

const keep = z.union([z.string(), z.number()]).transform((value, context): number => {
  const ms = parseDuration(value)
  if (ms !== undefined && ms <= longestCache) return ms
  context.addIssue({
    code: 'custom',
    message:
      'must be a duration such as 5s, at most 1h; 0 to ask each time. A permission that is taken away lives on for so long',
  })
  return z.NEVER
})

const schema = z
  .strictObject({
    base_url: baseUrl.nullable().default(null),
    timeout: timeout.prefault('2s'),
    cache: z.strictObject({ allow: keep.prefault('5s'), deny: keep.prefault('1s') }).prefault({}),
    token: z
      .string()
      .trim()
      .regex(/^[\x21-\x7e]+$/, 'must be one word: it is sent as Authorization: Bearer')
      .nullable()
      .default(null),
  })
  .prefault({})

function review({ base_url }: PdpSettings, view: ConfigView): void {
  if (base_url === null) {
    const asking = view.routes.find((route) => route.authz === 'pdp')
    if (asking) view.error(['base_url'], `is needed: route ${asking.id} says authz: pdp`)
  } else if (base_url.startsWith('http:') && !isLoopback(new URL(base_url))) {
    view.warn(['base_url'], 'is plain http: whoever is on the way can read the token and write decisions; use https')
  }
}

export const pdpSection: Section<PdpSettings> = { schema, review }
