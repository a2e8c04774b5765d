import { z } from 'zod'

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** Timers hold 31 bits of milliseconds; above, Node fires at once. */
const longest = 24 * 86_400_000

const durationError = 'must be a duration such as 30s, 5m or 12h, or a number of seconds'

/** `250ms`, `30s`, `5m`, `12h`, `1d`; a bare number is seconds. Gives milliseconds. */
export const duration = z
  .union([z.string(), z.number()], { error: durationError })
  .transform((value, context): number => {
    const ms = parseDuration(value)
    if (ms !== undefined && ms <= longest) return ms
    context.addIssue({ code: 'custom', message: ms === undefined ? durationError : 'must be at most 24d' })
    return z.NEVER
  })

/** A duration of at least a millisecond: a time-out of 0 would let nothing through. */
export const timeout = duration.refine((ms) => ms > 0, 'must be longer than 0')

export function parseDuration(value: string | number): number | undefined {
  const [, count, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(String(value)) ?? []
  return count === undefined ? undefined : Math.round(Number(count) * units[unit]!)
}

const bytes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
const sizeError = 'must be a size such as 32KiB, 10MiB or 1GiB, or a number of bytes'

/** `512`, `32KiB`, `10MiB`, `1GiB`; a bare number is bytes. Gives whole bytes, at least one. */
export const size = z.union([z.string(), z.number()], { error: sizeError }).transform((value, context): number => {
  const [, count, unit = 'B'] = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB)?$/.exec(String(value)) ?? []
  const whole = count === undefined ? 0 : Math.round(Number(count) * bytes[unit]!)
  if (whole > 0 && Number.isSafeInteger(whole)) return whole
  context.addIssue({ code: 'custom', message: sizeError })
  return z.NEVER
})

/** A word that stands in log lines (`service=NAME`), so it has no blanks, quotes or control characters. */
export const name = z
  .string()
  .max(128)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$/,
    'must be letters, digits and _ . : / @ - only, beginning with a letter or digit',
  )

export const text = z.string().refine((value) => value.trim() !== '', 'must not be empty')

/** Parsed only if it is written as it will be used: `new URL` forgives tabs, backslashes and missing slashes. */
function strictHttpUrl(value: string): URL | undefined {
  if (!/^https?:\/\/[^/\\?#@\s][^\\?#@\s]*$/i.test(value) || !URL.canParse(value)) return undefined
  return new URL(value)
}

/** The origin users see, as browsers write it: lower case, default port left out, no slash. */
export const httpOrigin = z.string().transform((value, context): string => {
  const url = strictHttpUrl(value)
  if (url !== undefined && url.pathname === '/') return url.origin
  context.addIssue({ code: 'custom', message: 'must be an origin such as https://app.example.com, without a path' })
  return z.NEVER
})

/** `new URL` would resolve these, and the path used would not be the path written. */
const dotSegment = /\/(?:\.|%2e){1,2}(?:\/|$)/i

/** An absolute http(s) URL to put paths behind; no trailing slash. */
export const baseUrl = z.string().transform((value, context): string => {
  const url = strictHttpUrl(value)
  if (url !== undefined && !dotSegment.test(value)) return url.origin + url.pathname.replace(/\/+$/, '')
  context.addIssue({
    code: 'custom',
    message:
      'must be an absolute http or https URL such as http://analytics:8100, without user, query, fragment or dot segments',
  })
  return z.NEVER
})

export function isLoopbackUrl(url: string): boolean {
  const { hostname } = new URL(url)
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d+){3}$/.test(hostname)
  )
}
