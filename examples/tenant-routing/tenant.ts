// Which tenant a request is for: by the host it was sent to, or by a header; checked against the user where options say so.
import { z } from 'zod'
import type { Kit } from '../../core/index.ts'
import type {} from '../../plugins/lib/session/session.ts'

declare module '../../core/contract.ts' {
  interface Slots {
    /** One of the stage's `tenants`. */
    'acme/tenant-name': string
  }
}

const options = z.strictObject({
  /** `host`: the first label of the host, `red` of red.example.com. Else the name of a header. */
  from: z.string().min(1).default('host'),
  /** A closed list: what else comes is nobody's, and a name out of nowhere never reaches a service. */
  tenants: z.array(z.string().regex(/^[a-z0-9-]+$/)).min(1),
  /** The claim of the user that holds their tenants. Without one the service must judge: the host and the header are the client's to choose. */
  claim: z.string().min(1).optional(),
})

export default ({ defineStage }: Kit) =>
  defineStage({
    name: 'tenant',
    options,
    needs: ['route'],
    wants: ['session'],
    provides: ['acme/tenant-name'],
    // A want on most routes; a need where the user is asked about: then the profile is proven to have session-auth before this.
    requires: (_route, { claim }) => (claim === undefined ? [] : ['session']),
    setup(host) {
      const { from, tenants, claim } = host.options
      const header = from === 'host' ? undefined : (from.toLowerCase() as Lowercase<string>)
      return () => ({
        run(x) {
          const values = header === undefined ? [x.header('host')?.split('.', 1)[0]] : x.headerAll(header)
          const tenant = values[0]?.toLowerCase()
          // Two headers are two tenants: which one a service would believe is not ours to guess.
          if (values.length !== 1 || tenant === undefined || !tenants.includes(tenant)) {
            return x.reply(404, 'TENANT_UNKNOWN', { detail: 'There is no such tenant.' })
          }
          if (claim !== undefined && !holds(x.peek('session')?.user[claim], tenant)) {
            return x.reply(403, 'FORBIDDEN', { reason: 'other_tenant', detail: 'You are not of this tenant.' })
          }
          return x.proceed({ 'acme/tenant-name': tenant })
        },
      })
    },
  })

function holds(claim: unknown, tenant: string): boolean {
  return Array.isArray(claim) ? claim.includes(tenant) : claim === tenant
}
