// Sends a share of the users to another service, the same ones each time, without a cookie of its own.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Kit } from '../../core/index.ts'
import type {} from '../../plugins/lib/chosen-service.ts'
import type {} from '../../plugins/lib/session/session.ts'

const options = z.strictObject({
  /** The service that gets the share; the route lists it in `other_services`. */
  to: z.string().min(1),
  /** In percent. */
  share: z.number().min(0).max(100),
  /** `user`: the same after the next login, too. */
  by: z.enum(['session', 'user']).default('session'),
})

export default ({ defineStage }: Kit) =>
  defineStage({
    name: 'ab-split',
    options,
    needs: ['route', 'session'],
    provides: ['service'],
    // Routes that list no other service are none of its business.
    applies: (route) => route.other_services !== undefined,
    *problems(route, { to }) {
      if (!route.other_services?.includes(to)) {
        yield `would be split to ${to}, which is not among its other_services; add it there`
      }
    },
    setup(host) {
      const { to, share, by } = host.options
      return (route) => ({
        run(x) {
          const session = x.get('session')
          // The route's id in front: who is in one experiment is not therefore in all of them.
          const key = `${route.id} ${by === 'user' ? session.sub : session.hash}`
          return x.proceed({ service: inShare(key, share) ? to : route.target_service })
        },
      })
    },
  })

/** Whether a key is among the first `share` percent. Who is stays so when the share grows. */
export function inShare(key: string, share: number): boolean {
  return createHash('sha256').update(key).digest().readUInt32BE() < (share / 100) * 2 ** 32
}
