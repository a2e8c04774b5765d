// How values of the config files are written: durations, lists in text, origins, resource indicators.
import { z } from 'zod'

const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `30s`, `5m`, `12h`; a bare number is seconds. Milliseconds, or undefined where it is no duration. */
export function parseDuration(text: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(String(text).trim())
  if (match === null) return undefined
  return Math.round(Number(match[1]) * unit[(match[2] ?? 's') as keyof typeof unit])
}

/** Far above any session, far below where dates end. */
const longest = 3650 * unit.d
const howTo = 'write 30s, 5m or 12h (a bare number is seconds)'

/** In milliseconds, above zero. For lifetimes that are compared, not for timers: those hold 24 days. */
export const duration = z
  .union([z.string(), z.number()], { error: `must be a duration: ${howTo}` })
  .transform((value, context) => {
    const ms = parseDuration(value)
    if (ms !== undefined && ms > 0 && ms <= longest) return ms
    const message = ms !== undefined && ms > longest ? 'must be at most 3650d' : `"${value}" is no duration: ${howTo}`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })

/** Text with blanks, commas or `|` between the words, or a list. Repeats are dropped, order is kept. */
export const wordList = z
  .union([z.string(), z.array(z.string())], {
    error: 'must be text (words with a blank, comma or | between) or a list of texts',
  })
  .transform((value): readonly string[] => {
    const words = (typeof value === 'string' ? [value] : value).flatMap((text) => text.split(/[\s,|]+/))
    return [...new Set(words.filter((word) => word !== ''))]
  })

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

export function isLoopback(url: URL): boolean {
  return loopback.has(url.hostname) || url.hostname.endsWith('.localhost')
}

/** RFC 8707 section 2: an absolute URI without a fragment. Anything else, such as `empowernow`, is an audience but never sent as a `resource`. */
export function isResourceIndicator(audience: string): boolean {
  return /^[a-z][a-z0-9+.-]*:[^\s#]+$/i.test(audience) && URL.canParse(audience)
}
