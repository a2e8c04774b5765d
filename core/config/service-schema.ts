import { z } from 'zod'
import { serviceTls } from './tls-settings.ts'
import { baseUrl, duration, text, timeout } from './values.ts'

const count = (from: number, to: number) => {
  const message = `must be a whole number from ${from} to ${to}`
  return z.int(message).min(from, message).max(to, message)
}
const percent = count(1, 100)
const status = count(200, 599)

const checkPath = text.refine(
  (value) => /^\/[\x21-\x7e]*$/.test(value) && !value.includes('#') && !value.startsWith('//'),
  'must be a path such as /healthz, as it goes on the wire: no blanks, no fragment',
)

const outlierDetection = z.strictObject({
  consecutive_failures: count(1, 1000).optional(),
  ejection_time: timeout.optional(),
  max_ejection_percent: percent.optional(),
})

const healthCheck = z.strictObject({
  path: checkPath,
  interval: timeout.optional(),
  timeout: timeout.optional(),
  expect_status: z.union([status, z.array(status).min(1)]).optional(),
  unhealthy_threshold: count(1, 100).optional(),
  healthy_threshold: count(1, 100).optional(),
})

const circuitBreaker = z.strictObject({
  failure_percent: percent.optional(),
  minimum_requests: count(1, 100_000).optional(),
  window: duration.refine((ms) => ms >= 1000, 'must be at least 1s').optional(),
  open_time: timeout.optional(),
})

const sameTwice = 'must not name one URL twice'

/** One of `services`. Defaults of what the forwarding stage alone reads are that stage's. */
export const serviceSchema = z
  .strictObject({
    base_url: baseUrl.optional(),
    base_urls: z
      .array(baseUrl)
      .min(1, 'must not be empty')
      .max(64, 'must not have more than 64 URLs')
      .refine((urls) => new Set(urls).size === urls.length, sameTwice)
      .optional(),
    timeout: timeout.prefault('30s'),
    idle_timeout: timeout.prefault('60s'),
    connect_timeout: timeout.optional(),
    retries: z.union([z.literal(0), z.literal(1)], 'must be 0 or 1: a request is sent twice at most').optional(),
    max_in_flight: count(1, 100_000).optional(),
    max_streams: count(1, 1_000_000).optional(),
    outlier_detection: z.union([z.literal(false), outlierDetection]).optional(),
    health_check: healthCheck.optional(),
    circuit_breaker: circuitBreaker.optional(),
    tls: serviceTls.optional(),
    http2: z.boolean().optional(),
  })
  .transform(({ base_url, base_urls, ...rest }, context) => {
    const urls = base_urls ?? (base_url === undefined ? [] : [base_url])
    const refuse = (path: string[], message: string) => {
      context.addIssue({ code: 'custom', path, message })
      return z.NEVER
    }
    if (base_url !== undefined && base_urls !== undefined) return refuse([], 'has base_url and base_urls; keep one')
    if (urls.length === 0) return refuse(['base_url'], 'is required; for several URLs write base_urls')
    const plain = urls.find((url) => url.startsWith('http:'))
    if (rest.tls !== undefined && plain !== undefined) return refuse(['tls'], `is for https, and ${plain} is not`)
    return { ...rest, base_url: urls[0]!, ...(urls.length > 1 && { base_urls: urls }) }
  })
