// Section `cors` of settings.yaml: whose pages may read answers. Its list is also whom CSRF checks and WebSocket handshakes trust.
import { z } from 'zod'
import type { ConfigView, Section } from '../../../core/index.ts'
import { isLoopback } from '../settings/text-values.ts'

/** Section `cors` of settings.yaml. */
export interface CorsSettings {
  /** As browsers write them: scheme, host and port, nothing else. */
  readonly allow_origins: readonly string[]
}

const origin = z.string().superRefine((value, context) => {
  const message = originProblem(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** An origin is compared byte for byte with what a browser sends: one written otherwise would never match, without a word. */
function originProblem(value: string): string | undefined {
  if (value.includes('*'))
    return 'may hold no *: whoever gets a page onto some host there could read every answer; list each origin'
  if (value === 'null') return 'may not be null: sandboxed frames and files of anybody are that origin'
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return 'must be an origin such as https://app.example.com: scheme, host and, unless usual, port'
  return url.origin === value ? undefined : `must be written as browsers send it: ${url.origin}`
}

const schema = z
  .strictObject({ allow_origins: z.array(origin).default([]) })
  .prefault({})
  .transform(({ allow_origins }): CorsSettings => ({ allow_origins: [...new Set(allow_origins)] }))

function review({ allow_origins }: CorsSettings, { server, warn }: ConfigView): void {
  const own = [server.public_url, ...server.public_urls].map((url) => new URL(url))
  const sites = own.map(siteOf)
  for (const [i, text] of allow_origins.entries()) {
    const url = new URL(text)
    if (isLoopback(url) && own.some(isLoopback)) continue
    if (url.protocol === 'http:' && !isLoopback(url))
      warn(['allow_origins', i], 'is plain http: whoever is on the way can put a script into its pages; use https')
    else if (!sites.includes(siteOf(url)))
      warn(
        ['allow_origins', i],
        `is another site than ${server.public_url} (server.public_url): browsers send the session's cookie from no page there, so only routes without a session answer it`,
      )
  }
}

/** Near enough for a warning; the list of public suffixes would say it exactly. */
function siteOf(url: URL): string {
  return `${url.protocol}//${url.hostname.split('.').slice(-2).join('.')}`
}

export const corsSection: Section<CorsSettings> = {
  schema,
  stages: ({ allow_origins }) => (allow_origins.length > 0 ? ['cors'] : []),
  review,
}
