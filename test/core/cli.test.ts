import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../core/commands/run-cli.ts'
import { runCommand } from '../kit/run-command.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const base = join(root, 'test/config/base')

function run(argv: readonly string[], env: Record<string, string> = {}) {
  return runCommand(argv, { env })
}

t.test('without a command it prints the help and exits 2', async (t) => {
  const { code, out } = await run([])
  t.equal(code, 2)
  t.match(out, /usage: bascule COMMAND/)
})

t.test('--help lists all commands', async (t) => {
  const { code, out } = await run(['--help'])
  t.equal(code, 0)
  for (const { name } of commands) t.match(out, new RegExp(`^  ${name} .*[^)]$`, 'm'))
})

t.test('every command has --help, as text and as JSON', async (t) => {
  for (const name of ['start', 'dev', 'check', 'explain', 'doctor', 'tail', 'plugin', 'schema']) {
    const text = await run([name, '--help'])
    t.equal(text.code, 0)
    t.match(text.out, new RegExp(`^usage: bascule ${name}`))
    t.match(text.out, /--json/)
    t.match(JSON.parse((await run([name, '--help', '--json'])).out), { name, options: { help: {}, json: {} } })
  }
})

t.test('--version', async (t) => {
  t.match((await run(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
  t.match(JSON.parse((await run(['--version', '--json'])).out), { name: 'bascule', version: /^\d/ })
})

t.test('what cannot be understood is one line with the likely word, and exits 2', async (t) => {
  for (const [argv, expected] of [
    [['strat'], 'unknown command "strat" (did you mean "start"?); bascule --help lists them'],
    [['constructor'], 'unknown command "constructor"; bascule --help lists them'],
    [['start', '--prot', '1'], 'unknown flag --prot (did you mean --port?); bascule start --help lists them'],
    [['start', '--constructor'], 'unknown flag --constructor; bascule start --help lists them'],
    [['start', '--port'], '--port needs a value: --port N'],
    [['start', '--port', '--json'], '--port needs a value: --port N'],
    [['start', '--port', '99999'], '--port must be a port: a whole number from 0 to 65535'],
    [['start', '--port', '8o8o'], '--port must be a port: a whole number from 0 to 65535'],
    [['check', '--plan=yes'], '--plan takes no value'],
    [['explain', 'GET', '/a', '/b'], 'unexpected "/b"; bascule explain takes METHOD PATH and flags'],
    [['explain', 'GET', '/a', '--as', 'root'], '--as must be anonymous or user'],
    [['check', 'config'], 'unexpected "config"; bascule check takes flags only'],
    [['--port', '1', 'start'], 'unknown flag --port before a command; bascule --help lists the commands'],
  ] as const) {
    t.same(await run(argv), { code: 2, out: '', err: `bascule: ${expected}\n` }, argv.join(' '))
  }
})

t.test('check takes --config, else BASCULE_CONFIG', async (t) => {
  const good = /^ok: 1 route, 0 endpoints, 1 service \(profile bare\)\n$/
  t.match(await run(['check', '--config', base]), { code: 0, out: good, err: '' })
  t.match(await run(['check', `--config=${base}`], { BASCULE_CONFIG: '/nowhere' }), { code: 0, out: good })
  t.match(await run(['check'], { BASCULE_CONFIG: base }), { code: 0, out: good })
})

t.test('check --plan prints the programs, --json the same as data', async (t) => {
  t.match((await run(['check', '--config', base, '--plan'])).out, /^api-analytics .*\n {4}route-match/)
  const data = JSON.parse((await run(['check', '--config', base, '--plan', '--json'])).out)
  t.match(data, { ok: true, problems: [], plan: [{ route: 'api-analytics', stages: [{ name: 'route-match' }] }] })
})

t.test('a config directory that is not there', async (t) => {
  const { code, err } = await run(['check', '--config', '/nowhere/at/all'])
  t.equal(code, 2)
  t.equal(
    err,
    '/nowhere/at/all:1:1 error there is no config directory here; create it with a routes.yaml, or name another with --config DIR or BASCULE_CONFIG\n',
  )
})

t.test('problems as data', async (t) => {
  const dir = tempDir({ 'routes.yaml': 'routes: []\nservces: {}\n', 'settings.yaml': 'profile: none\n' })
  const { code, out, err } = await run(['check', '--config', dir, '--json'])
  t.equal(code, 2)
  t.equal(err, '')
  const { ok, problems } = JSON.parse(out)
  t.equal(ok, false)
  t.match(problems, [{ severity: 'error', file: join(dir, 'routes.yaml'), line: 2, column: 1, message: /servces/ }, {}])
})

t.test('start with a wrong config says what check says, and exits 2', async (t) => {
  const dir = tempDir({ 'routes.yaml': 'services: []\n' })
  const checked = await run(['check', '--config', dir])
  t.same(await run(['start', '--config', dir]), checked)
  t.equal(checked.code, 2)
})

const onDeno = process.versions.deno !== undefined && 'the launcher is for Node'
t.test(
  'the launcher works anywhere and through a link, and a signal to it ends the server',
  { skip: onDeno },
  async (t) => {
    const dir = tempDir({})
    symlinkSync(join(root, 'core/bin/bascule.js'), join(dir, 'bascule'))
    const child = spawn(
      process.execPath,
      [join(dir, 'bascule'), 'start', '--config', base, '--port', '0', '--admin-port', '0'],
      {
        cwd: dir,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    )
    t.teardown(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    await line(child, 'bascule ready')
    child.kill('SIGTERM')
    t.same(await ended, [0, null])
  },
)

/** Rejects where the program ends before it said so. Its output is read to the end: a closed pipe is another test's matter. */
function line(child: ChildProcess, wanted: string): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        said += data
        if (said.includes(wanted)) resolve()
      })
    }
    child.once('exit', () => reject(new Error(`it ended without "${wanted}":\n${said}`)))
  })
}

function tempDir(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'bascule-cli-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}
