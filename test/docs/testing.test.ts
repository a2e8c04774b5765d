// docs/testing.md: its tests are run as an author would, by node:test, against the kit of this checkout.
import { execFile } from 'node:child_process'
import { readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { tempDir } from '../kit/bascule.ts'
import { blocksOf, readPage, root } from './blocks.ts'

const blocks = blocksOf(readPage('docs/testing.md'))

function reExport(path: string): string {
  return `export * from '${pathToFileURL(join(root, path)).href}'\n`
}

t.test("the page's tests pass", async (t) => {
  const files = blocks.map(({ info, text }) => [info.slice('title='.length), text])
  const dir = tempDir(t, {
    ...Object.fromEntries(files),
    'package.json': '{ "type": "module" }',
    'node_modules/bascule/package.json': JSON.stringify({
      type: 'module',
      exports: { '.': './index.js', './testing': './testing.js' },
    }),
    'node_modules/bascule/index.js': reExport('core/index.ts'),
    'node_modules/bascule/testing.js': reExport('plugins/testing/index.ts'),
  })
  for (const name of ['zod', 'tsx']) symlinkSync(join(root, 'node_modules', name), join(dir, 'node_modules', name))
  const tests = readdirSync(dir).filter((name) => name.endsWith('.test.js'))
  t.same(tests.sort(), ['bridge.test.js', 'login.test.js', 'tenant.test.js'])
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import=tsx', '--test', '--test-reporter=tap', ...tests],
    {
      cwd: dir,
      env: { PATH: process.env.PATH },
    },
  )
  t.match(stdout, /^# pass 1[0-9]$/m)
  t.match(stdout, /^# fail 0$/m)
})
