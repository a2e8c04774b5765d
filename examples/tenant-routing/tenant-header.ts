// Tells the service: a header of its own, and nobody else's of that name.
import { z } from 'zod'
import type { Kit } from '../../core/index.ts'
import type {} from '../../plugins/lib/upstream/upstream.ts'
import type {} from './tenant.ts'

const options = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z][A-Za-z-]*$/)
    .default('X-Tenant'),
})

export default ({ defineStage }: Kit) =>
  defineStage({
    name: 'tenant-header',
    options,
    needs: ['acme/tenant-name', 'upstream'],
    setup(host) {
      const { name } = host.options
      return () => ({
        run(x) {
          const { headers } = x.get('upstream')
          remove(headers, name)
          headers.push(name, x.get('acme/tenant-name'))
          return x.proceed()
        },
      })
    },
  })

/** What the client sent under that name, in any case and with `_` for `-`, as CGI-like servers read both as one. */
function remove(headers: string[], name: string): void {
  const plain = (text: string) => text.toLowerCase().replaceAll('_', '-')
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (plain(headers[i]!) === plain(name)) headers.splice(i, 2)
  }
}
