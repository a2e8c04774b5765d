import t from 'tap'
import { RedeemQueue } from '../../../../plugins/lib/token/redeem-queue.ts'
import { HandClock, quiet } from './broker-kit.ts'

function held<T>() {
  let release: (value: T) => void = () => {}
  const promise = new Promise<T>((resolve) => {
    release = resolve
  })
  return { promise, release }
}

t.test('runs what is in one lane one by one, in order', async (t) => {
  const queue = new RedeemQueue(new HandClock())
  const first = held<string>()
  const order: string[] = []
  const add = (key: string, work: () => Promise<string>) =>
    queue.add('lane', key, async () => {
      order.push(key)
      return work()
    })
  const all = [add('a', () => first.promise), add('b', async () => 'B'), add('c', async () => 'C')]
  await quiet()
  t.same(order, ['a'])
  first.release('A')
  t.same(await Promise.all(all), ['A', 'B', 'C'])
  t.same(order, ['a', 'b', 'c'])
})

t.test('lanes do not wait for each other', async (t) => {
  const queue = new RedeemQueue(new HandClock())
  const never = held<void>()
  void queue.add('one', 'a', () => never.promise)
  t.equal(await queue.add('two', 'a', async () => 'done'), 'done')
  never.release()
})

t.test('a task that fails does not hold up the next', async (t) => {
  const queue = new RedeemQueue(new HandClock())
  const failing = queue.add('lane', 'a', () => Promise.reject(new Error('no')))
  const next = queue.add('lane', 'b', async () => 'B')
  await t.rejects(failing, /no/)
  t.equal(await next, 'B')
  t.equal(queue.size, 0, 'and leaves nothing behind')
})

t.test('knows what runs or waits, and for how long the head is at it', async (t) => {
  const clock = new HandClock()
  const queue = new RedeemQueue(clock)
  const { promise, release } = held<string>()
  const work = queue.add('lane', 'a', (turn) => {
    turn.phase = 'redeem'
    return promise
  })
  t.equal(queue.pending('lane', 'a'), work)
  t.equal(queue.pending('lane', 'b'), undefined)
  t.equal(queue.pending('other', 'a'), undefined)
  await clock.pass(3999)
  t.equal(queue.stuck('lane', 4000), undefined)
  await clock.pass(1)
  t.equal(queue.stuck('lane', 4000), 'redeem')
  release('done')
  await queue.idle()
  t.equal(queue.stuck('lane', 0), undefined)
  t.equal(queue.pending('lane', 'a'), undefined)
})

t.test('a task added while the last one ends still waits for its turn', async (t) => {
  const queue = new RedeemQueue(new HandClock())
  let running = 0
  let crowd = 0
  const task = async () => {
    crowd = Math.max(crowd, ++running)
    await quiet()
    running--
  }
  const first = queue.add('lane', 'a', task)
  const chained = first.then(() => queue.add('lane', 'b', task))
  void queue.add('lane', 'c', task)
  await chained
  await queue.idle()
  t.equal(crowd, 1)
})
