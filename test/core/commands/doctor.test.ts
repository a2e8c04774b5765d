import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCommand } from '../../kit/run-command.ts'

const stage = `export default (kit) => kit.defineStage({
  name: 'weather',
  role: 'observer',
  setup: () => ({}),
  diagnose(host) {
    const other = host.read(host.env.OTHER, { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } })
    return {
      places: [{ key: 'sky', title: 'sky' }, { key: 'sea', title: 'sea' }],
      rows: [{ subject: 'a_service_with_a_name_that_is_longer_than_any_terminal_of_eighty_columns_would_be', state: { sky: 'ok', sea: 'rough' } }],
      findings: host.routes.length === 0 ? [] : [
        { severity: 'advice', code: 'umbrella', message: 'Take one. \\u001b[31m' },
        ...(other?.data.sea === 'calm' ? [] : [{
          severity: 'fault', code: 'rough', subject: 'a', where: 'sea', message: 'The sea is rough, ' + 'and so on '.repeat(12),
          place: host.place('routes.yaml', ['routes', 0, 'id']), change: { edit: 'replace', text: 'calm' }, tell: 'Please calm down.',
        }]),
      ],
    }
  },
})
`

function config(t: Test, sea: string): { dir: string; env: Record<string, string> } {
  const dir = mkdtempSync(join(tmpdir(), 'doctor-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'profiles'))
  writeFileSync(join(dir, 'stage.js'), stage)
  writeFileSync(join(dir, 'package.json'), '{"type": "module"}')
  writeFileSync(join(dir, 'other.yaml'), `sea: ${sea}\nsecret: \${NOT_SET_HERE}\n`)
  writeFileSync(join(dir, 'settings.yaml'), 'profile: p\n')
  writeFileSync(join(dir, 'profiles/p.yaml'), 'stages: [./stage.js, route-match, header-inject, forward]\n')
  writeFileSync(
    join(dir, 'routes.yaml'),
    'services: {a: {base_url: "http://127.0.0.1:1"}}\nroutes:\n  - {id: one, path: /, target_service: a, upstream_path: /, auth: none}\n',
  )
  return { dir, env: { OTHER: join(dir, 'other.yaml') } }
}

function run(argv: readonly string[], env: Record<string, string>, colours = false) {
  return runCommand(['doctor', ...argv], { env, colours })
}

t.test("a stage's findings are told in 80 columns, with the place and the text to write", async (t) => {
  const { dir, env } = config(t, 'rough')
  const { code, out, err } = await run(['--config', dir], env)
  t.equal(code, 1)
  t.equal(err, '')
  t.match(out, /routes\.yaml:3:10 fault\n {2}The sea is rough,/)
  t.match(out, /write instead:\n {4}calm\n {2}tell its owner:\n {4}Please calm down\.\n/)
  t.match(out, /\n1 fault\n$/)
  for (const line of out.split('\n')) if (!line.includes('routes.yaml:')) t.ok(line.length <= 80, line)
  t.notOk(out.includes('\u001b'), "foreign text does not move the reader's cursor")
})

t.test('advice alone is no fault', async (t) => {
  const { dir, env } = config(t, 'calm')
  t.match(await run(['--config', dir], env), { code: 0, out: /advice\n {2}Take one\./ })
  t.match(JSON.parse((await run(['--config', dir, '--json'], env)).out), {
    ok: true,
    places: [{ key: 'sky' }, { key: 'sea' }],
    rows: [{ state: { sea: 'rough' } }],
    findings: [{ severity: 'advice', code: 'umbrella' }],
  })
})

t.test('colours are for terminals, and NO_COLOR takes them away', async (t) => {
  const { dir, env } = config(t, 'rough')
  t.match((await run(['--config', dir], env, true)).out, '\u001b[31mfault\u001b[0m')
  t.notOk((await run(['--config', dir], { ...env, NO_COLOR: '1' }, true)).out.includes('\u001b'))
})

t.test('what cannot be read is exit 2, with the place', async (t) => {
  const { dir, env } = config(t, 'rough')
  const missing = await run(['--config', dir], { OTHER: join(dir, 'nowhere.yaml') })
  t.match(missing, { code: 2, out: '', err: /nowhere\.yaml:1:1 error this file/ })
  writeFileSync(join(dir, 'other.yaml'), 'sea: [\n')
  t.match(await run(['--config', dir], env), { code: 2, out: '', err: /other\.yaml:\d+:\d+ error not valid YAML/ })
  t.match(await run(['--config', join(dir, 'none')], env), { code: 2, err: /error there is no config directory/ })
})

t.test('a profile in which nothing has to agree is told so', async (t) => {
  const { dir, env } = config(t, 'rough')
  writeFileSync(join(dir, 'profiles/p.yaml'), 'stages: [route-match, header-inject, forward]\n')
  t.match(await run(['--config', dir], env), { code: 0, out: /^ok: nothing/ })
})
