import t from 'tap'
import { PerService, servicesOf } from '../../../plugins/lib/chosen-service.ts'
import { route } from '../../kit/fake-host.ts'

const split = route('/a', { target_service: 'one', other_services: ['two', 'one'] })

t.test('a route goes to its own service unless a stage chose another that it lists', async (t) => {
  t.same(servicesOf(split), ['one', 'two'])
  const ready = new PerService(split, (service) => service.toUpperCase())
  t.same([ready.get(undefined), ready.get('one'), ready.get('two')], ['ONE', 'ONE', 'TWO'])
})

t.test('no plugin sends a request, or a token, where routes.yaml does not say', async (t) => {
  const ready = new PerService(split, (service) => service)
  for (const chosen of ['three', '', '__proto__', 'constructor'])
    t.throws(() => ready.get(chosen), { code: 'INTERNAL', cause: { message: /lists neither/ } }, chosen)
  t.throws(() => new PerService(route('/a', { target_service: 'one' }), String).get('two'), { code: 'INTERNAL' })
})
