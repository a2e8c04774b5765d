// W3C Trace Context: passed on where the client sends a sane one, begun here where it does not.
import { Buffer } from 'node:buffer'
import { randomFillSync } from 'node:crypto'
import type { Exchange, RawHeaders } from '../../../core/index.ts'

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/
const zeros = /^0+$/

/** A version may be newer and longer than ours, never `ff`; all-zero ids are no ids (§2.2.2, §3.2). */
function isTraceparent(value: string): boolean {
  const [, version, trace, parent, more] = form.exec(value) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return false
  return !zeros.test(trace!) && !zeros.test(parent!)
}

const ID_BYTES = 24
const pool = Buffer.alloc(ID_BYTES * 128)
let used = pool.length

/** Sampled: a backend that follows its parent would otherwise stop tracing the day a proxy came in front of it. */
function newTraceparent(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const trace = pool.toString('hex', used, used + 16)
  const parent = pool.toString('hex', used + 16, used + ID_BYTES)
  used += ID_BYTES
  return `00-${trace}-${parent}-01`
}

/** `tracestate` belongs to its traceparent: alone, or beside a new one, it goes nowhere (§3.3). */
export function pushTraceContext(to: RawHeaders, x: Pick<Exchange, 'headerAll'>): void {
  const given = x.headerAll('traceparent')
  if (given.length !== 1 || !isTraceparent(given[0]!)) return void to.push('traceparent', newTraceparent())
  to.push('traceparent', given[0]!)
  for (const state of x.headerAll('tracestate')) to.push('tracestate', state)
}
