import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { Plugin } from '../../../core/contract.ts'
import { foreignPlugins, rememberPlugin } from '../../../core/plugin-loading/plugin-files.ts'
import { strayFault } from '../../../core/server/stray-fault.ts'
import { tempDir } from '../../kit/bascule.ts'

const plugin = { name: 'quota' } as Plugin

function thrownIn(...frames: string[]): Error {
  return Object.assign(new Error('x'), { stack: ['Error: x', ...frames.map((frame) => `    at ${frame}`)].join('\n') })
}

t.test('the topmost frame in a file of a plugin names it, however the runtime writes the file', async (t) => {
  const dir = tempDir(t, { 'my (quota).ts': '' })
  const url = pathToFileURL(`${dir}/my (quota).ts`).href
  rememberPlugin(url, { use: './my (quota).ts', plugin, builtIn: false })
  for (const frame of [
    `Timeout._onTimeout (${url}:12:9)`,
    `Timeout._onTimeout (${dir}/my (quota).ts:12:9)`,
    `async ${url}?namespace=1:12:9`,
    `new Quota (${url}:12:9)`,
  ]) {
    const stray = strayFault(thrownIn('helper (file:///elsewhere/helper.js:1:1)', frame, `later (${url}:99:1)`))
    t.equal(stray.by?.use, './my (quota).ts', frame)
    t.equal(stray.at, `${dir}/my (quota).ts:12:9`)
  }
})

t.test('so does any file of its package, but of no other', async (t) => {
  const entry = 'file:///app/node_modules/@acme/tenant/dist/index.js'
  rememberPlugin(entry, { use: 'npm:@acme/tenant', plugin, builtIn: false })
  const within = strayFault(thrownIn('pool (/app/node_modules/@acme/tenant/dist/pool.js:3:4)'))
  t.match(within, { by: { use: 'npm:@acme/tenant' }, at: '/app/node_modules/@acme/tenant/dist/pool.js:3:4' })
  t.same(strayFault(thrownIn('pool (/app/node_modules/@acme/other/pool.js:3:4)')), {})
  t.ok(foreignPlugins().includes('npm:@acme/tenant'))
})

t.test('without a plugin in the stack it is the first place that is nobody else’s', async (t) => {
  const error = thrownIn('emit (node:events:5:6)', 'x (/app/node_modules/pg/pool.js:1:2)', 'mine (/app/x.js:7:8)')
  t.same(strayFault(error), { at: '/app/x.js:7:8' })
})

t.test('what is no error, or cannot be read, has no place', async (t) => {
  const trap = new Proxy(new Error('x'), {
    get() {
      throw new Error('gotcha')
    },
  })
  const odd = Object.assign(new Error('x'), { stack: 7 })
  for (const thrown of ['text', undefined, null, 7, {}, trap, odd]) t.same(strayFault(thrown), {})
})
