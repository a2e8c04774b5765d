// Both ends of a tunnel as streams that note what is written to them.
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import process from 'node:process'
import { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { fault } from '../../../core/index.ts'
import { defaultLimits, type Limits } from '../../../core/run/limits.ts'
import { closeCodeOf, closeReasonOf, tunnelFault } from '../../../core/run/upgrade-end.ts'
import { Tunnel, type TunnelEnd } from '../../../core/run/upgrade-tunnel.ts'

class End extends Duplex {
  readonly written: Buffer[] = []

  constructor() {
    super({ highWaterMark: 8 })
  }

  override _read(): void {}

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.written.push(piece)
    process.nextTick(done)
  }
}

function open(limits: Partial<Limits> = {}) {
  const [client, upstream] = [new End(), new End()]
  const ended: TunnelEnd[] = []
  const all = { ...defaultLimits, ...limits }
  const tunnel = new Tunnel(client as unknown as Socket, upstream, all, (how) => ended.push(how))
  return { client, upstream, tunnel, ended }
}

const turn = () => new Promise(setImmediate)
const text = Buffer.from([0x81, 2, 0x68, 0x69])

t.test('nothing is passed on behind our close frame, whatever the sides still say', async (t) => {
  const { client, upstream, tunnel } = open()
  upstream.push(text)
  await turn()
  tunnel.close(1001, 'gone')
  upstream.push(text)
  client.push(Buffer.from([0x81, 0x80, 1, 2, 3, 4]))
  await turn()
  t.same(
    client.written.map(([first]) => first),
    [0x81, 0x88],
  )
  t.same(
    upstream.written.map(([first]) => first),
    [0x88],
  )
  client.destroy()
  upstream.destroy()
  await turn()
})

t.test('who took everything in time is not cut off later', async (t) => {
  const { client, upstream, ended } = open({ sendIdle: 20 })
  upstream.push(Buffer.concat([Buffer.from([0x82, 100]), Buffer.alloc(100)]))
  await turn()
  t.equal(Buffer.concat(client.written).length, 102)
  await wait(60)
  t.same(ended, [])
  t.notOk(client.destroyed)
  client.destroy()
  await turn()
  await turn()
  t.same(ended, ['client_torn'])
})

t.test('the close code tells a client what it may do, and nothing that is not its to know', async (t) => {
  const draining = fault('DRAINING', 'the route changed')
  t.equal(closeCodeOf(draining, true), 1001)
  t.equal(closeCodeOf(draining, false), 1012)
  t.equal(closeReasonOf(draining), 'the route changed')
  t.equal(closeCodeOf(fault('SESSION_REQUIRED'), false), 4401)
  t.equal(closeCodeOf(fault('UPSTREAM_UNREACHABLE'), false), 1011)
  const defect = fault('INTERNAL', 'secret')
  t.equal(closeCodeOf(defect, false), 1011)
  t.equal(closeReasonOf(defect), '')
})

t.test('a torn side is the fault of that side, an end in order of none', async (t) => {
  t.match(tunnelFault('client_torn'), { code: 'CLIENT_CLOSED' })
  t.match(tunnelFault('upstream_torn'), { code: 'UPSTREAM_UNREACHABLE' })
  for (const how of ['client', 'upstream', 'closed'] as const) t.equal(tunnelFault(how), undefined)
})
