import { type Exchange, fault, type Route } from '../../../core/index.ts'
import type {} from '../chosen-service.ts'
import type { CompiledMapping } from './authz-map.ts'
import { readValue } from './authz-value.ts'

/** The body to send, which is also what its decision is kept under. Throws the fault to answer where the request can be read in two ways. */
export function questionOf(
  x: Exchange<'match' | 'session', 'service'>,
  route: Route,
  { resource, action, id, props }: CompiledMapping,
  body: unknown,
): string {
  const match = x.get('match')
  const read = props.map(([name, from]) => [name, readValue(from, match, body)] as const)
  return JSON.stringify({
    subject: { type: 'user', id: x.get('session').sub },
    action: { name: action },
    // What the body lacks is left out, and the decision point sees that it is not there.
    resource: { type: resource, id: idText(readValue(id, match, body)), properties: Object.fromEntries(read) },
    context: { route: route.id, service: x.peek('service') ?? route.target_service, method: x.method },
  })
}

/** The decision point must not be asked about nothing: an empty id is how "all of them" is written elsewhere. */
function idText(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number') return String(value)
  throw fault(
    'BAD_REQUEST',
    'the request does not say what it is about: the id that authz_map names is missing or empty',
  )
}
