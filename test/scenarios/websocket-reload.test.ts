// Sockets and streams over a reload: what it did not touch goes on, what it touched is told to connect again, and no old configuration lingers.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { type RunningBascule, startBascule } from '../kit/bascule.ts'
import { profile, settings, stages } from '../kit/default-profile.ts'
import { openSocket, startSocketService } from '../kit/websocket.ts'

/** Tells when it is closed, and how often each of its requests was settled, in the log. */
const witness = `
export default {
  name: 'witness',
  needs: ['route'],
  also: ['upgrades'],
  setup(host) {
    const seen = new WeakSet()
    host.onClose(() => host.log.info({}, 'witness_closed'))
    return () => ({
      run(x) { seen.add(x); return x.proceed() },
      settled(x, { result }) { host.log.info({ result, mine: seen.has(x) }, 'witness_settled') },
    })
  },
}`

const more = '\n  - { id: another, path: "/another", target_service: api, upstream_path: "/", auth: none }'

function routes(url: string, extra = '', path = '/{path}'): string {
  return `
services: { api: { base_url: "${url}", timeout: 5s } }
routes:
  - { id: live, path: "/live/*", target_service: api, upstream_path: "${path}", auth: none, websocket: true, streaming: true }${extra}
`
}

async function start(t: Test) {
  const service = await startSocketService(t)
  const list = [...stages.slice(0, 1), './witness.ts', ...stages.slice(1)]
  const bascule = await startBascule(t, {
    'settings.yaml': settings('server: { drain_timeout: 1s }'),
    'witness.ts': witness,
    'profiles/audience-bridge.yaml': profile(list),
    'routes.yaml': routes(service.url),
  })
  return { service, bascule }
}

function closed({ line }: RunningBascule) {
  return line(({ msg }) => msg === 'witness_closed')
}

t.test('a socket on a route that did not change goes on, while the old configuration is closed', async (t) => {
  const { service, bascule } = await start(t)
  const { socket, message } = await openSocket(t, `${bascule.url}/live/x`)
  t.ok(await bascule.reload({ 'routes.yaml': routes(service.url, more) }))
  await closed(bascule)
  socket.send('still here')
  t.equal(await message(), 'still here')
  t.ok(await bascule.reload({ 'settings.yaml': settings('server: { drain_timeout: 2s }\nlog: { format: json }') }))
  socket.send('and here')
  t.equal(await message(), 'and here')
  t.equal(bascule.lines.filter((line) => line.outcome !== undefined).length, 0)

  socket.close(1000)
  t.match(await bascule.line((line) => line.outcome !== undefined), { outcome: 'upgraded', route: 'live', code: 'OK' })
  const told = bascule.lines.filter(({ msg }) => msg === 'witness_settled')
  t.match(told, [{ result: 'upgraded', mine: true }], 'by the one that let it in, once')
})

t.test('a stream that is under way goes on as well', async (t) => {
  const { service, bascule } = await start(t)
  service.http.removeAllListeners('request')
  const asked = once(service.http, 'request')
  const answer = fetch(`${bascule.url}/live/events`)
  const [, res] = (await asked) as [unknown, import('node:http').ServerResponse]
  res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
  const { body } = await answer
  const reader = body!.getReader()
  await reader.read()
  t.ok(await bascule.reload({ 'routes.yaml': routes(service.url, more) }))
  await closed(bascule)
  res.end('data: two\n\n')
  t.equal(Buffer.from((await reader.read()).value!).toString(), 'data: two\n\n')
  t.ok((await reader.read()).done)
})

t.test('a socket on a route that is gone, or is another, is told to connect again: 1012', async (t) => {
  for (const [what, change] of [
    ['gone', (url: string) => routes(url, more).replace(/.*id: live.*\n/, '')],
    ['another path upstream', (url: string) => routes(url, '', '/other/{path}')],
    ['another service', (url: string) => routes(`${url}/base`)],
  ] as const) {
    const { service, bascule } = await start(t)
    const { closed } = await openSocket(t, `${bascule.url}/live/x`)
    t.ok(await bascule.reload({ 'routes.yaml': change(service.url) }), what)
    t.same(await closed, { code: 1012, reason: 'the route changed' }, what)
    t.match(await bascule.line((line) => line.outcome !== undefined), { outcome: 'upgraded', code: 'DRAINING' })
  }
})

t.test('a change of what its stages read counts as one of the route', async (t) => {
  const { bascule } = await start(t)
  const { closed } = await openSocket(t, `${bascule.url}/live/x`)
  t.ok(await bascule.reload({ 'settings.yaml': settings('session: { idle_timeout: 20m }') }))
  t.equal((await closed).code, 1012)
})

t.test('a handshake that is answered after the reload is a socket of the new configuration', async (t) => {
  const { service, bascule } = await start(t)
  let accept: ((ok: boolean) => void) | undefined
  const asked = new Promise<void>((resolve) => {
    service.sockets.options.verifyClient = (_info, done) => {
      accept = done
      resolve()
    }
  })
  const opening = openSocket(t, `${bascule.url}/live/x`)
  await asked
  t.ok(await bascule.reload({ 'routes.yaml': routes(service.url, more) }))
  accept!(true)
  const { socket, message } = await opening
  await closed(bascule)
  socket.send('here')
  t.equal(await message(), 'here')
})

t.test('a server that stops after a reload closes what it took over', async (t) => {
  const { service, bascule } = await start(t)
  const { closed } = await openSocket(t, `${bascule.url}/live/x`)
  t.ok(await bascule.reload({ 'routes.yaml': routes(service.url, more) }))
  await bascule.stop()
  t.equal((await closed).code, 1001)
})
