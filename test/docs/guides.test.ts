// docs/spa-guide.md and docs/operators-guide.md: what they name is there, and their commands run.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import t from 'tap'
import { errorCodes } from '../../core/index.ts'
import { sections } from '../../plugins/lib/settings/settings.ts'
import { blocksOf, readPage, root, rowsOf } from './blocks.ts'

const run = promisify(execFile)
const spa = readPage('docs/spa-guide.md')
const operators = readPage('docs/operators-guide.md')

t.test('the table of exports is what the module exports', async (t) => {
  const types = readFileSync(join(root, 'plugins/client/client.d.ts'), 'utf8')
  const exported = [...types.matchAll(/^export function (\w+)/gm)].map(([, name]) => name).sort()
  const rows = rowsOf(spa, 'Calls').map(([cell = '']) => /^`(\w+)/.exec(cell)?.[1])
  t.same([...rows.map((name) => (name === 'fetch' ? 'request' : name))].sort(), exported)
})

t.test('every code that the guides name is one of the program', async (t) => {
  const named = [...`${spa}${operators}`.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?: service=NAME)?`/g)].map(([, code]) => code!)
  t.ok(named.length > 5)
  const codes: readonly string[] = errorCodes
  t.same(
    named.filter((code) => !codes.includes(code)),
    [],
  )
})

t.test('the setting for development servers is taken', async (t) => {
  const [block] = blocksOf(spa).filter(({ language }) => language === 'yaml')
  const origins = /\["(.+)"\]/.exec(block!.text)![1]
  const judged = await sections.cors.schema['~standard'].validate({ allow_origins: [origins] })
  t.notOk(judged.issues)
})

t.test('the commands of "Add a service" run as they are written', async (t) => {
  const commands = blocksOf(operators)
    .filter(({ language }) => language === 'console')
    .flatMap(({ text }) => text.match(/^\$ npx bascule .+$/gm) ?? [])
  t.equal(commands.length, 4)
  for (const command of commands) {
    const args = command.replace('$ npx bascule ', '').split(' ')
    // Nothing is running here that doctor could ask.
    const more = args[0] === 'doctor' ? ['--offline'] : []
    const { stderr } = await run(process.execPath, ['core/bin/bascule.js', ...args, ...more], { cwd: root })
    t.notMatch(stderr, / error /, command)
  }
})

t.test('the unit file starts the program, and lets it drain', async (t) => {
  const [unit] = blocksOf(operators).filter(({ language }) => language === 'ini')
  const { bin } = JSON.parse(readPage('package.json')) as { bin: { bascule: string } }
  t.match(unit!.text, `ExecStart=/usr/bin/node node_modules/bascule/${bin.bascule} start\n`)
  const drain = Number(
    /^\| `server\.drain_timeout` \| duration \| `(\d+)s`/m.exec(readPage('docs/configuration.md'))![1],
  )
  t.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit!.text)![1]) > drain)
})
