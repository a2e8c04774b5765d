import { z } from 'zod'
import { defaultLimits, type Limits } from '../run/limits.ts'
import { size, timeout } from './values.ts'

const countError = 'must be a whole number from 1 to 1000000'
const count = z.int(countError).min(1, countError).max(1_000_000, countError)

/** `server.timeouts`: how long a client may keep us waiting. */
export const timeouts = z.strictObject({
  headers: timeout.prefault('10s'),
  body_idle: timeout.prefault('30s'),
  send_idle: timeout.prefault('60s'),
  keep_alive: timeout.prefault('65s'),
})

/** `server.limits`: how much a client may send. */
export const limits = z.strictObject({
  headers: size.refine((bytes) => bytes <= 1024 ** 2, 'must be at most 1MiB').prefault('32KiB'),
  header_fields: count.default(defaultLimits.headerFields),
  path: size.prefault('8KiB'),
  target: size.prefault('16KiB'),
  body: size.nullable().default(null),
  connections: count.default(defaultLimits.connections),
})

export function limitsOf(time: z.output<typeof timeouts>, most: z.output<typeof limits>): Limits {
  return {
    ...defaultLimits,
    headersTimeout: time.headers,
    keepAlive: time.keep_alive,
    bodyIdle: time.body_idle,
    sendIdle: time.send_idle,
    headers: most.headers,
    headerFields: most.header_fields,
    path: most.path,
    target: most.target,
    body: most.body ?? Number.POSITIVE_INFINITY,
    connections: most.connections,
  }
}
