// node only: it starts Deno itself
// A plugin that is fetched: on Deno, with leave in settings.yaml and from the runtime, and not otherwise.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { tempDir } from '../kit/bascule.ts'
import { commands } from '../kit/bridge-process.ts'
import { cert, certFile, key } from '../kit/certs.ts'

const cli = join(fileURLToPath(new URL('../..', import.meta.url)), 'core/cli.ts')
const [deno] = commands.deno
/** What the program needs, but for imports from elsewhere. */
const rights = ['--allow-read', '--allow-env', '--allow-net', '--allow-sys', '--allow-ffi']

const source = `export default ({ defineStage }) => defineStage({
  name: 'far',
  role: 'terminal',
  setup: () => () => ({ run: (x) => x.reply(204, 'OK') }),
})`

async function elsewhere(t: Test) {
  const asked: string[] = []
  const server = https.createServer({ cert: cert('server'), key: key('server') }, (req, res) => {
    asked.push(req.url ?? '')
    res.setHeader('Content-Type', 'text/javascript')
    res.end(source)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return { asked, host: `localhost:${(server.address() as AddressInfo).port}` }
}

interface Ended {
  readonly code: number
  readonly text: string
}

function run(program: string, args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, text: `${stdout}${stderr}` }),
    )
  })
}

function config(t: Test, settings: string, stage = 'far'): string {
  return tempDir(t, {
    'settings.yaml': `profile: p\n${settings}`,
    'profiles/p.yaml': `stages: [route-match, ${stage}]\n`,
    'routes.yaml': 'services: {}\nroutes: []\n',
  })
}

t.test('it is fetched with leave of settings.yaml and of the runtime, and with nothing less', async (t) => {
  const { asked, host } = await elsewhere(t)
  const url = `https://${host}/far.js`
  const check = (flags: readonly string[], dir: string) =>
    run(deno, [
      'run',
      '--quiet',
      '--no-prompt',
      ...rights,
      `--cert=${certFile('ca')}`,
      ...flags,
      cli,
      'check',
      '--config',
      dir,
    ])

  const bare = await check([`--allow-import=${host}`], config(t, '', `"${url}"`))
  t.match(bare, { code: 2, text: /would be fetched from elsewhere; name it in settings\.yaml/ })
  const short = await check([`--allow-import=${host}`], config(t, `plugins: { far: "${url}" }\n`))
  t.match(short, { code: 2, text: /is fetched from elsewhere; write \{ url: .*, allow_remote: true \} if that may be/ })
  const plain = config(t, `plugins: { far: { url: "http://${host}/far.js", allow_remote: true } }\n`)
  t.match(await check([`--allow-import=${host}`], plain), { code: 2, text: /must be jsr:@scope\/name or an https URL/ })

  const dir = config(t, `plugins: { far: { url: "${url}", allow_remote: true } }\n`)
  t.match(await check([], dir), { code: 2, text: /far cannot be loaded: .*allow-import/ })
  t.match(await run(commands.node[0], [commands.node[1]!, 'check', '--config', dir]), {
    code: 2,
    text: /can be loaded on Deno only; on Node: save it beside the config/,
  })
  t.same(asked, [], 'until here nobody asked for it')

  const done = await check([`--allow-import=${host}`], dir)
  t.equal(done.code, 0, done.text)
  t.same(asked, ['/far.js'])
})
