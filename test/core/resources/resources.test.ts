// Whatever is made through a scope, it closes: once, last first, and also where something failed or came late.
import t from 'tap'
import type { Log, Resources, Shared } from '../../../core/index.ts'
import { MetricRegistry } from '../../../core/metrics/registry.ts'
import { Scope } from '../../../core/resources/scope.ts'
import { SharedResources } from '../../../core/resources/shared-resources.ts'
import { canonicalJson } from '../../../core/util/canonical-json.ts'

function start() {
  const errors: string[] = []
  const keep = (_fields: object, msg: string) => void errors.push(msg)
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep, line: () => {} }
  const context = { log, shared: new SharedResources(), registry: new MetricRegistry() }
  const scope = (name: string) => new Scope(name, context, () => Promise.reject(new Error('no services here')))
  return { scope, errors }
}

/** A shared resource that the test opens by hand, and that tells when it closes. */
function door(name = 'door') {
  const events: string[] = []
  const opening: { resolve(): void; reject(why: Error): void }[] = []
  const what: Shared<object, string> = {
    name,
    open: (settings) =>
      new Promise((resolve, reject) => {
        events.push(`open ${canonicalJson(settings)}`)
        opening.push({ resolve: () => resolve(name), reject })
      }),
    close: () => void events.push('close'),
  }
  return { what, events, opening }
}

t.test(
  'what was made is closed last first, one failing closer does not stop the others, and all of it happens once',
  async (t) => {
    const { scope, errors } = start()
    const host = scope('generation')
    const order: number[] = []
    host.onClose(() => void order.push(1))
    host.onClose(() => {
      throw new Error('cannot close')
    })
    host.child('inner').onClose(() => void order.push(2))
    host.onClose(() => Promise.reject(new Error('cannot close either')))
    await Promise.all([host.close(), host.close()])
    t.same(order, [2, 1])
    t.same(errors, ['close_failed', 'close_failed'])
  },
)

t.test('whoever closes a scope a second time waits for the first', async (t) => {
  const { scope } = start()
  const host = scope('generation')
  let closed = false
  host.onClose(async () => {
    await new Promise(setImmediate)
    closed = true
  })
  void host.close()
  await host.close()
  t.equal(closed, true)
})

t.test('equal settings share one resource, which is closed with its last user', async (t) => {
  const { scope } = start()
  const { what, events, opening } = door()
  const [first, second, other] = [scope('1'), scope('2'), scope('3')]
  const asked = [first.shared(what, { a: 1, b: 2 }), second.shared(what, { b: 2, a: 1 }), other.shared(what, { a: 2 })]
  for (const { resolve } of opening) resolve()
  await Promise.all(asked)
  t.same(events, ['open {"a":1,"b":2}', 'open {"a":2}'])
  await first.close()
  t.equal(events.length, 2)
  await second.close()
  t.same(events.slice(2), ['close'])
  await other.close()
  t.same(events.slice(2), ['close', 'close'])
})

t.test(
  'a resource that could not be opened is tried again by the next, while those it failed are still around',
  async (t) => {
    const { scope } = start()
    const { what, opening, events } = door()
    const [first, second] = [scope('1'), scope('2')]
    const failing = first.shared(what, {})
    opening[0]?.reject(new Error('no door'))
    await t.rejects(failing, /no door/)
    const working = second.shared(what, {})
    opening[1]?.resolve()
    t.equal(await working, 'door')
    await first.close()
    t.notOk(events.includes('close'), 'the failed one has nothing to close')
    await second.close()
    t.ok(events.includes('close'))
  },
)

t.test('what a failed opening had made is closed', async (t) => {
  const { scope } = start()
  let closed = 0
  const what: Shared<object, never> = {
    name: 'half',
    open(_settings, host) {
      host.onClose(() => void closed++)
      throw new Error('second half missing')
    },
  }
  const host = scope('1')
  await t.rejects(host.shared(what, {}), /second half/)
  await host.close()
  t.equal(closed, 1)
})

t.test('a resource whose user is closed while it opens is closed too', async (t) => {
  const { scope } = start()
  const { what, opening, events } = door()
  const host = scope('1')
  const asked = host.shared(what, {})
  const closing = host.close()
  await new Promise(setImmediate)
  opening[0]?.resolve()
  await Promise.all([asked, closing])
  t.same(events, ['open {}', 'close'])
})

t.test('what a late setup makes on a closed scope is closed at once', async (t) => {
  const { scope } = start()
  const host = scope('1')
  await host.close()
  let closed = 0
  host.onClose(() => void closed++)
  host.child('late').onClose(() => void closed++)
  host.every(1, () => void t.fail('a timer outlived its scope'))
  await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(closed, 2)
})

t.test('background work is waited for, and its rejection is logged', async (t) => {
  const { scope, errors } = start()
  const host = scope('1')
  const order: string[] = []
  let finish = () => {}
  host.background(new Promise<void>((resolve) => (finish = resolve)).then(() => void order.push('work')))
  host.background(Promise.reject(new Error('failed')))
  host.onClose(() => void order.push('close'))
  const closing = host.close()
  await new Promise(setImmediate)
  finish()
  await closing
  t.same(order, ['work', 'close'])
  t.same(errors, ['background_work_failed'])
})

t.test('a task slower than its period does not pile up', async (t) => {
  const { scope } = start()
  const host = scope('1')
  let running = 0
  let highest = 0
  let runs = 0
  const alive = setInterval(() => {}, 1000) // the timer under test keeps no process
  t.teardown(() => clearInterval(alive))
  await new Promise<void>((resolve) => {
    host.every(1, async () => {
      highest = Math.max(highest, ++running)
      await new Promise((done) => setTimeout(done, 5))
      running--
      if (++runs === 3) resolve()
    })
  })
  await host.close()
  t.equal(highest, 1)
})

t.test('settings that JSON would show alike are told apart, and what is no data is refused', async (t) => {
  const distinct: unknown[] = [
    {},
    { a: null },
    { a: Number.NaN },
    { a: Number.POSITIVE_INFINITY },
    { a: new Set(['x']) },
    { a: new Set(['y']) },
    { a: new Map([['x', 1]]) },
    { a: ['x'] },
    { a: new Uint8Array([1]) },
    { a: new Uint8Array([2]) },
    { a: 1n },
    { a: '1' },
  ]
  t.equal(new Set(distinct.map(canonicalJson)).size, distinct.length)
  t.equal(canonicalJson({ a: 1, b: { d: 1, c: 2 } }), canonicalJson({ b: { c: 2, d: 1 }, a: 1 }))
  t.equal(canonicalJson({ a: new Set(['x', 'y']) }), canonicalJson({ a: new Set(['y', 'x']) }))
  for (const none of [() => 1, /x/, new WeakMap(), new (class Key {})()]) {
    t.throws(() => canonicalJson({ secret: none }), /plain data, but secret is a/)
  }
  const { scope } = start()
  const opened = { name: 'x', open: (_: unknown, _host: Resources) => 'x' }
  await t.rejects(scope('1').shared(opened, { secret: /x/ }), /plain data/)
})
