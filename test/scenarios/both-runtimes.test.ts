// node only: it starts both runtimes itself
// The same source as a program on Node and on Deno: login, both services, reload, logout, drain.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startBackend } from '../kit/backend.ts'
import { freePort, tempDir } from '../kit/bascule.ts'
import { bridgeFiles } from '../kit/bridge.ts'
import { startBridgeProcess } from '../kit/bridge-process.ts'
import { loginByFetch } from '../kit/login.ts'
import { analyticsAudience, crudAudience, startStrictIdp } from '../kit/strict-idp.ts'

for (const runtime of ['node', 'deno'] as const) {
  t.test(`bascule start on ${runtime}`, async (t) => {
    const idp = await startStrictIdp({})
    const analytics = await startBackend({ issuer: idp.issuer, audience: analyticsAudience })
    const crud = await startBackend({ issuer: idp.issuer, audience: crudAudience })
    t.teardown(() => Promise.all([idp.close(), analytics.close(), crud.close()]))
    const [port, adminPort] = [await freePort(), await freePort()]
    const files = bridgeFiles({ idp, analytics, crud, port })
    const settings = files['settings.yaml']?.replace(/server: \{/, `server: { admin_port: ${adminPort},`) ?? ''
    const dir = tempDir(t, { ...files, 'settings.yaml': settings })
    const bridge = await startBridgeProcess(t, dir, runtime)
    const origin = `http://localhost:${port}`

    const ada = await loginByFetch(origin)
    const first = await ada.fetch('/api/v1/analytics/workflows')
    t.match([first.status, await first.json()], [200, { claims: { aud: analyticsAudience, sub: 'ada' } }])
    const write = await ada.fetch('/api/crud/forms/1', {
      method: 'PUT',
      body: 'x'.repeat(100_000),
      headers: { 'sec-fetch-site': 'same-origin' },
    })
    t.match([write.status, await write.json()], [200, { claims: { aud: crudAudience, sub: 'ada' } }])
    t.equal(crud.requests.at(-1)?.body.length, 100_000, 'the body arrived whole')
    const foreign = await ada.fetch('/api/crud/forms/1', { method: 'PUT', headers: { 'sec-fetch-site': 'cross-site' } })
    t.match([foreign.status, await foreign.json()], [403, { code: 'CSRF_REJECTED' }])

    t.equal((await fetch(`http://127.0.0.1:${adminPort}/healthz`)).status, 200)
    t.equal((await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status, 200)

    const said = async (text: string) => {
      while (!bridge.output().includes(text)) await new Promise((resolve) => bridge.child.stdout?.once('data', resolve))
    }
    writeFileSync(join(dir, 'settings.yaml'), `${settings}\nlogg: {}\n`)
    await said('config_rejected')
    t.match(bridge.output(), /settings\.yaml:\d+:1 error unknown key \\?"logg\\?"/)
    t.equal((await ada.fetch('/api/v1/analytics/workflows')).status, 200, 'a bad file keeps the old config')
    writeFileSync(join(dir, 'settings.yaml'), `${settings}\nlog: { level: debug }\n`)
    await said('config_reloaded')
    t.equal((await ada.fetch('/api/v1/analytics/workflows')).status, 200, 'and a good one keeps the session')
    const reloads = bridge.output().split('config_reloaded').length
    bridge.child.kill('SIGHUP')
    while (bridge.output().split('config_reloaded').length === reloads)
      await new Promise((resolve) => bridge.child.stdout?.once('data', resolve))

    const out = await ada.fetch('/auth/logout', { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } })
    t.match([out.status, await out.json()], [200, { logout_url: String }])
    const after = await fetch(`${origin}/api/crud/forms/1`, { headers: { cookie: ada.cookie } })
    t.match([after.status, await after.json()], [401, { code: 'SESSION_REQUIRED' }])

    t.equal(await bridge.end('SIGTERM'), 0, 'SIGTERM drains and exits 0')
    t.match(bridge.output(), /token_found=True service=analytics_service/)
    t.notMatch(bridge.output(), /eyJ|strict-idp-client-secret/, 'no token and no secret in the log')
  })
}
