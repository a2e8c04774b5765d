// The bounds of what is read past, on a socket that notes what is done to it.
import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import type { ClientRequest } from '../../../core/run/client-message.ts'
import { ExpiredHeads } from '../../../core/run/expired-heads.ts'
import { defaultLimits, type Limits } from '../../../core/run/limits.ts'
import { closeGently, drainBody } from '../../../core/run/linger.ts'

// The clocks under test hold no process; something must, until they strike.
const awake = setInterval(() => {}, 1_000)
t.teardown(() => clearInterval(awake))

class Noted extends EventEmitter {
  readonly done: string[] = []
  destroyed = false
  end(): void {
    this.done.push('end')
  }
  resume(): void {
    this.done.push('resume')
  }
  pause(): void {
    this.done.push('pause')
  }
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function drained(more: Partial<Limits>) {
  const socket = new Noted()
  const req = new Noted()
  const over: string[] = []
  const limits = { ...defaultLimits, ...more }
  drainBody(socket as unknown as Socket, req as unknown as ClientRequest, limits, () => over.push('over'))
  return { socket, req, over }
}

t.test('so many bytes are read past, and not one more', async (t) => {
  const { socket, req, over } = drained({ lingerBytes: 10 })
  t.same(req.done, ['resume'])
  req.emit('data', new Uint8Array(10))
  t.notOk(socket.destroyed)
  req.emit('data', new Uint8Array(1))
  t.ok(socket.destroyed)
  t.same(over, ['over'])
})

t.test('a client that sends a little now and then is given up as well', async (t) => {
  const { socket, req } = drained({ lingerIdle: 60_000, linger: 20 })
  req.emit('data', new Uint8Array(1))
  await once(socket, 'close')
  t.ok(socket.destroyed)
})

t.test('a body that ends, or a connection that goes, ends the wait, once', async (t) => {
  for (const which of ['req', 'socket'] as const) {
    const made = drained({})
    made[which].emit('close')
    made.req.emit('close')
    made.socket.emit('close')
    t.same(made.over, ['over'], which)
    t.equal(made.socket.listenerCount('close') + made.req.listenerCount('close'), 0, which)
  }
})

t.test('a connection that is closed gently is read on, and not for ever', async (t) => {
  const socket = new Noted()
  closeGently(socket as unknown as Socket, { ...defaultLimits, lingerIdle: 20 })
  t.same(socket.done, ['end', 'resume'])
  t.notOk(socket.destroyed)
  await once(socket, 'close')
  t.ok(socket.destroyed)
})

t.test('heads that are late are read no more, and refused a few a turn', async (t) => {
  const expired = new ExpiredHeads()
  const sockets = Array.from({ length: 40 }, () => new Noted())
  let refused = 0
  let most = 0
  for (const socket of sockets) expired.add(socket as never, () => refused++)
  t.ok(sockets.every(({ done }) => done[0] === 'pause'))
  t.equal(refused, 0)
  for (let before = 0; refused < 40; before = refused) {
    await new Promise(setImmediate)
    most = Math.max(most, refused - before)
  }
  t.ok(most <= 16, `${most} in one turn`)
  expired.add(new Noted() as never, () => refused++)
  await new Promise(setImmediate)
  t.equal(refused, 41, 'and one that comes later, too')
})
