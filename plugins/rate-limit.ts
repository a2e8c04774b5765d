import { z } from 'zod'
import { defineStage, type Exchange, type Host, type Route, type Verdict } from '../core/index.ts'
import { clientAddress } from './lib/http/forwarded.ts'
import { TrustedPeers } from './lib/http/trusted-peers.ts'
import { type Count, type RateCounter, rateCounters } from './lib/rate-counter.ts'
import { addressKey } from './lib/rate-key.ts'
import type {} from './lib/session/session.ts'
import { duration } from './lib/settings/text-values.ts'

declare module '../core/contract.ts' {
  interface Slots {
    /** What the request has left of each limit. */
    rate_limit: readonly Count[]
  }
}

const limit = z.strictObject({
  by: z.enum(['session', 'user', 'address'], { error: 'must be session, user or address' }),
  points: z.int().min(1),
  duration: duration.refine((ms) => ms >= 1000 && ms <= 86_400_000, 'must be from 1s to 24h'),
  each_route: z.boolean().default(false),
})
type Limit = z.output<typeof limit>

const options = z.strictObject({
  limits: z
    .array(limit)
    .min(1, 'must list at least one limit')
    .prefault([{ by: 'session', points: 600, duration: '1m', each_route: false }]),
  endpoints: z.array(z.string()).default([]),
  max_keys: z.int().min(1000, 'must be at least 1000').default(50_000),
})
type Options = z.output<typeof options>
type X = Exchange<'route', 'session', 'rate_limit'>

/** Refuses what comes too often: a service sees one address for everybody, and cannot tell who it is. */
export default defineStage({
  name: 'rate-limit',
  options,
  needs: ['route'],
  wants: ['session'],
  provides: ['rate_limit'],
  also: ['upgrades', 'endpoints'],
  applies: (route, { endpoints }) => route.from === 'routes.yaml' || endpoints.includes(route.id),
  async setup(host: Host<Options>) {
    refuseUnknownEndpoints(host)
    const { limits, max_keys } = host.options
    const counters = await host.shared(rateCounters, {
      limits: limits.map((each) => ({ points: each.points, duration: each.duration, max_keys, by: each.by })),
    })
    const limiter = new Limiter(host, counters)
    return (route) => ({
      run: (x: X) => limiter.judge(x, route),
      response(x, head) {
        const counts = x.peek('rate_limit')
        if (counts !== undefined) head.headers.raw.push(...limiter.fields(counts))
      },
    })
  },
  explain(host) {
    const { limits } = host.options
    return () => ({
      run(x: X) {
        for (const { by, points, duration } of limits)
          host.would(x, `count this ${by}'s request: ${points} in ${duration / 1000} s are let through`)
        return x.proceed({ rate_limit: [] })
      },
      response: () => undefined,
    })
  },
})

function refuseUnknownEndpoints({ options, routes }: Host<Options>): void {
  const known = routes.filter(({ from }) => from === 'endpoint').map(({ id }) => id)
  const stray = options.endpoints.find((id) => !known.includes(id))
  if (stray === undefined) return
  throw new Error(`rate-limit: endpoints names ${stray}, which no stage brings; there are ${known.join(', ')}`)
}

class Limiter {
  readonly #limits: readonly Limit[]
  readonly #names: readonly string[]
  readonly #policy: string
  readonly #counters: readonly RateCounter[]
  readonly #peers: TrustedPeers

  constructor({ options, server }: Host<Options>, counters: readonly RateCounter[]) {
    this.#limits = options.limits
    this.#names = options.limits.map(({ by, duration }) => `"${by}-${duration / 1000}s"`)
    this.#policy = options.limits
      .map((each, i) => `${this.#names[i]};q=${each.points};w=${each.duration / 1000}`)
      .join(', ')
    this.#counters = counters
    this.#peers = new TrustedPeers(server.trusted_proxies)
  }

  async judge(x: X, route: Route): Promise<Verdict<'filter'>> {
    const counts: Count[] = []
    for (const [i, limit] of this.#limits.entries()) {
      const count = await this.#counters[i]!.take(this.#key(x, limit, route))
      counts.push(count)
      if (count.allowed) continue
      const retryAfter = Math.ceil(count.reset / 1000)
      const detail = `Too many requests of this ${limit.by}; try again in ${retryAfter} s.`
      return x.reply(429, 'RATE_LIMITED', { reason: limit.by, detail, retryAfter, headers: this.fields(counts) })
    }
    return x.proceed({ rate_limit: counts })
  }

  /** draft-ietf-httpapi-ratelimit-headers-09: what is left of each limit, and the limits. */
  fields(counts: readonly Count[]): string[] {
    const left = counts.map(({ left, reset }, i) => `${this.#names[i]};r=${left};t=${Math.ceil(reset / 1000)}`)
    return ['RateLimit', left.join(', '), 'RateLimit-Policy', this.#policy]
  }

  /** Who has no session is counted by address: nobody gets around a limit by leaving the cookie out. */
  #key(x: X, { by, each_route }: Limit, { id }: Route): string {
    const session = by === 'address' ? undefined : x.peek('session')
    const who =
      session === undefined
        ? `a:${addressKey(clientAddress(x, this.#peers))}`
        : by === 'user'
          ? `u:${session.issuer} ${session.sub}`
          : `s:${session.hash}`
    return each_route ? `${id} ${who}` : who
  }
}
