// What a plugin makes through its host: closed with the generation, or kept over reloads where it is shared.
import { once } from 'node:events'
import { createServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import t from 'tap'
import { defineStage, type Host, type Shared } from '../../../core/index.ts'
import { type ConfigFiles, startBascule } from '../../../core/testing/index.ts'
import { startUpstream } from '../../kit/upstream.ts'

const files = (setup: (host: Host<undefined>) => unknown): ConfigFiles => ({
  'settings.yaml': 'profile: p\nserver: { drain_timeout: 1s }\n',
  'profiles/p.yaml': 'stages: [route-match, ./made.js]\n',
  'routes.yaml':
    'services: { a: { base_url: "http://127.0.0.1:9" } }\nroutes: [{ id: r, path: "/*", target_service: a, preserve_path: true, auth: none }]\n',
  'made.js': defineStage({
    name: 'made',
    role: 'terminal',
    async setup(host: Host<undefined>) {
      await setup(host)
      return () => ({ run: (x) => x.reply(200, 'OK') })
    },
  }),
})

async function refuses(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.on('connect', () => resolve(false)).on('error', () => resolve(true))
  }).then((answer) => {
    socket.destroy()
    return answer as boolean
  })
}

t.test('a listener closes with its generation, connections that stay included, and nothing is left open', async (t) => {
  const ports: number[] = []
  const bascule = await startBascule({
    files: files(async (host) => {
      ports.push((await host.listen(net.createServer((socket) => socket.write('hi')))).port)
      ports.push((await host.listen(createServer((_req, res) => res.end('hi')))).port)
    }),
  })
  t.teardown(() => bascule.stop())
  const idle = net.connect(ports[0]!, '127.0.0.1')
  await once(idle, 'data')
  t.equal(await (await fetch(`http://127.0.0.1:${ports[1]}/`)).text(), 'hi')
  t.equal(await bascule.reload(), true)
  await once(idle, 'close')
  for (let i = 0; i < 200 && !(await refuses(ports[1]!)); i++) await new Promise((resolve) => setTimeout(resolve, 25))
  t.same(await Promise.all(ports.map(refuses)), [true, true, false, false])
  await bascule.stop()
  t.same(await Promise.all(ports.map(refuses)), [true, true, true, true])
  t.same(
    bascule.lines.filter(({ msg }) => /left_open|close_failed/.test(msg)),
    [],
  )
})

t.test(
  'a listener on a fixed port outlives a reload where it is shared; where it is not, the reload is refused',
  async (t) => {
    let port = 0
    const answering: Shared<{ port: number }, AddressInfo> = {
      name: 'answering',
      open: (settings, host) =>
        host.listen(
          createServer((_req, res) => res.end('shared')),
          settings,
        ),
    }
    // Free until it is given: a port that is looked for first may be somebody else's a moment later.
    const opened = async (listening: Promise<AddressInfo>) => {
      port = (await listening).port
    }
    const bascule = await startBascule({ files: files((host) => opened(host.shared(answering, { port: 0 }))) })
    t.teardown(() => bascule.stop())
    const ask = async () => (await fetch(`http://127.0.0.1:${port}/`)).text()
    t.equal(await ask(), 'shared')
    t.equal(await bascule.reload(), true)
    t.equal(await ask(), 'shared')
    await bascule.stop()
    t.equal(await refuses(port), true)

    port = 0
    const bare = await startBascule({ files: files((host) => opened(host.listen(createServer(), { port }))) })
    t.teardown(() => bare.stop())
    t.equal(await bare.reload(), false)
    const { errors } = (await bare.line(({ msg }) => msg === 'config_rejected')) as { errors?: string[] }
    t.match(errors, [
      `port ${port} is taken; a listener of a fixed port that is to outlive a reload belongs into host.shared`,
    ])
  },
)

t.test("an agent's calls work, and its connections end with the generation", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end('hello'))
  const agents: ReturnType<Host['agent']>[] = []
  const bascule = await startBascule({
    files: files(async (host) => {
      const agent = host.agent({ connections: 2 })
      agents.push(agent)
      const answer = await agent.request({ origin: upstream.url, path: '/', method: 'GET' })
      t.equal(await answer.body.text(), 'hello')
    }),
  })
  t.teardown(() => bascule.stop())
  const [first] = agents
  await bascule.stop()
  await t.rejects(first!.request({ origin: upstream.url, path: '/', method: 'GET' }))
  t.same(
    bascule.lines.filter(({ msg }) => /left_open|close_failed/.test(msg)),
    [],
  )
})
