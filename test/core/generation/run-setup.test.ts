import { clearInterval, setInterval } from 'node:timers'
import t from 'tap'
import { runSetup } from '../../../core/generation/run-setup.ts'
import { PluginError } from '../../../core/plugin-loading/plugin-loader.ts'

const listed = { name: './odd.ts', place: { file: 'profiles/p.yaml', line: 1, column: 23 } }

t.test('a setup that never ends is given up, and said to be', async (t) => {
  const awake = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(awake))
  await t.rejects(
    runSetup(listed, () => new Promise(() => {}), 20),
    { message: './odd.ts: setup failed: it has not ended within 0.02 s (listed at profiles/p.yaml:1:23)' },
  )
})

t.test('what it makes is handed on, and an error that names the plugin stays as it is', async (t) => {
  t.equal(await runSetup(listed, () => 'made'), 'made')
  t.equal(await runSetup(listed, async () => 'made'), 'made')
  const known = new PluginError('./odd.ts has no hooks')
  await t.rejects(
    runSetup(listed, () => Promise.reject(known)),
    known,
  )
})
