import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startBascule as startInFolder } from '../../../core/testing/index.ts'
import { startBascule, tempDir } from '../../kit/bascule.ts'
import { settings } from '../../kit/default-profile.ts'
import { startUpstream } from '../../kit/upstream.ts'

t.test('access lines go to a file of their own, appended to', async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end('ok'))
  const file = join(tempDir(t, {}), 'logs/access.log')
  const files = (timeout: string) => ({
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': `stages: [route-match, session-auth, token-resolve, header-inject, forward, { use: log, with: { sink: { use: file, with: { path: "${file}" } } } }]\n`,
    'routes.yaml': `
services: { api: { base_url: "${upstream.url}", timeout: ${timeout} } }
routes: [{ id: open, path: "/*", target_service: api, preserve_path: true, auth: none }]
`,
  })
  const bascule = await startBascule(t, files('5s'))
  await fetch(`${bascule.url}/one`, { headers: { 'x-correlation-id': 'first' } })
  await fetch(`${bascule.url}/../x`, { headers: { 'x-correlation-id': 'second' } })
  await bascule.stop()
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(lines, [
    {
      correlation_id: 'first',
      route: 'open',
      service: 'api',
      status: 200,
      outcome: 'completed',
      level: 30,
      time: Number,
      msg: String,
    },
    { correlation_id: 'second', path: '/x', status: 200 },
  ])
  t.equal(bascule.lines.filter((l) => l.correlation_id === 'first').length, 0, 'and not to stdout')

  renameSync(file, `${file}.1`)
  const again = await startBascule(t, files('5s'))
  await fetch(`${again.url}/two`, { headers: { 'x-correlation-id': 'third' } })
  await again.stop()
  t.match(readFileSync(file, 'utf8'), /"correlation_id":"third"/)
})

t.test('its path is relative to the config directory', async (t) => {
  const dir = tempDir(t, {
    'settings.yaml': settings(),
    'profiles/audience-bridge.yaml': `stages: [route-match, session-auth, token-resolve, header-inject, forward, { use: log, with: { sink: { use: file, with: { path: logs/access.log } } } }]\n`,
    'routes.yaml': 'services: {}\nroutes: []\n',
  })
  const bascule = await startInFolder({ dir })
  await fetch(`${bascule.url}/x`)
  await bascule.stop()
  t.match(readFileSync(join(dir, 'logs/access.log'), 'utf8'), /"status":404/)
})

t.test('a sink that is not there, or is given nonsense, is a config error with its place', async (t) => {
  const bad = (sink: string) =>
    startBascule(t, {
      'settings.yaml': settings(),
      'profiles/audience-bridge.yaml': `stages: [route-match, session-auth, token-resolve, header-inject, forward, { use: log, with: { sink: ${sink} } }]\n`,
      'routes.yaml': 'services: {}\nroutes: []\n',
    })
  await t.rejects(bad('fil'), /audience-bridge\.yaml:1:\d+ error no log-sink named fil: did you mean file/)
  await t.rejects(bad('{ use: file, with: { pth: x } }'), /audience-bridge\.yaml:1:\d+ error .*pth/)
})
