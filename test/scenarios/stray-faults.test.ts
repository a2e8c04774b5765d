// node only: it starts a process of its own on either runtime
// What a plugin throws outside of every call is told with its name and place: a rejected promise costs one line, an exception one drain.
import t from 'tap'
import { type LogLine, tempDir } from '../kit/bascule.ts'
import { type BridgeProcess, startBridgeProcess } from '../kit/bridge-process.ts'

/** `/throw` answers only after its timer has thrown: the answer is a request that the drain let end. */
const faulty = `
import { failLater } from './helper.js'
export default ({ defineStage }) => defineStage({
  name: 'faulty',
  role: 'terminal',
  setup: () => () => ({
    async run(x) {
      if (x.path === '/reject') void Promise.reject(new Error('nobody waits for me'))
      if (x.path === '/hidden') void Promise.reject('no error at all')
      if (x.path === '/throw') await failLater()
      return x.reply(200, 'OK', { body: 'good' })
    },
  }),
})
`
const helper = `
export { failLater }
function failLater() {
  const trap = new Proxy(new Error('trap'), { get() { throw new Error('gotcha') } })
  setTimeout(() => { throw trap })
  const again = setInterval(() => { throw new Error('thrown by a timer') }, 20)
  return new Promise((resolve) => setTimeout(() => { clearInterval(again); resolve() }, 200))
}
`
const files = {
  'settings.yaml': 'profile: main\nserver: { port: 0, admin_port: 0 }\nplugins: { acme: ./faulty.js }\n',
  'package.json': '{ "type": "module" }',
  'faulty.js': faulty,
  'helper.js': helper,
  'profiles/main.yaml': 'stages: [route-match, acme, log]\n',
  'routes.yaml':
    'services: { api: { base_url: "http://127.0.0.1:9" } }\nroutes: [{ id: all, path: "/*", target_service: api, preserve_path: true, auth: none }]\n',
}

for (const runtime of ['node', 'deno'] as const) {
  t.test(runtime, async (t) => {
    const dir = tempDir(t, files)
    const bridge = await startBridgeProcess(t, dir, runtime)
    const { listening, admin } = await line(bridge, 'bascule ready')

    t.equal(await (await fetch(`${listening}/reject`)).text(), 'good')
    t.match(await line(bridge, 'unhandled_rejection'), {
      level: 50,
      plugin: 'acme',
      stage: 'acme',
      at: new RegExp(`^${dir}/faulty\\.js:8:\\d+$`),
      err: { message: 'nobody waits for me' },
      msg: 'unhandled_rejection: plugin acme left a rejected promise to nobody; the bridge goes on',
    })
    await (await fetch(`${listening}/hidden`)).text()
    t.match(await line(bridge, 'unhandled_rejection: something'), { plugins: ['acme'], err: 'no error at all' })
    const counted = await (await fetch(`${admin}/metrics`)).text()
    t.match(counted, 'bascule_stray_faults_total{plugin="acme",kind="rejection"} 1')
    t.match(counted, 'bascule_stray_faults_total{plugin="",kind="rejection"} 1')

    const ended = bridge.exited
    t.equal(await (await fetch(`${listening}/throw`)).text(), 'good', 'a request under way is let end')
    t.equal(await ended, 1)
    const told = linesOf(bridge).filter(({ msg }) => msg.startsWith('uncaught_exception'))
    t.match(told, [
      { level: 60, err: 'an error that cannot be read' },
      { level: 60, at: new RegExp(`^${dir}/helper\\.js:6:\\d+$`), err: { message: 'thrown by a timer' } },
    ])
    t.equal(told.length, 2, 'once for each place, however often it throws')
    t.equal(bridge.errors(), '', 'no trace of the runtime')
  })
}

function linesOf(bridge: BridgeProcess): LogLine[] {
  const whole = bridge.output().split('\n').slice(0, -1)
  return whole.map((text) => JSON.parse(text) as LogLine)
}

async function line(bridge: BridgeProcess, word: string): Promise<LogLine> {
  for (;;) {
    const found = linesOf(bridge).find(({ msg }) => msg.startsWith(word))
    if (found) return found
    await new Promise((resolve) => bridge.child.stdout?.once('data', resolve))
  }
}
