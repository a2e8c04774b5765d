// What explain says of a request that no stage gets to see.
import t from 'tap'
import { Explainer } from '../../core/explain/explain.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import { tempDir } from '../kit/bascule.ts'
import { profile, settings } from '../kit/default-profile.ts'

t.test('a request that cannot be read is explained by its answer, and keeps nobody waiting', async (t) => {
  const dir = tempDir(t, {
    'settings.yaml': settings(),
    'routes.yaml': `
services: { api: { base_url: "http://api:8100" } }
routes: [{ id: api, path: "/api/*", target_service: api, upstream_path: "/{path}", auth: session }]
`,
    'profiles/audience-bridge.yaml': profile(),
  })
  const { config } = await loadConfig({ dir, env: {} })
  const explainer = await Explainer.open(config!)
  t.teardown(() => explainer.close())
  const ask = (method: string, target: string, headers: readonly (readonly [string, string])[] = []) =>
    explainer.explain({ method, target, as: 'user', headers })

  t.match(await ask('get', '/api/x'), { code: 'NOT_IMPLEMENTED', status: 501, stages: [] }, 'no method of HTTP')
  t.match(await ask('GET', 'api/x'), { code: 'BAD_REQUEST', status: 400, stages: [] }, 'no path')
  t.match(await ask('GET', '/api/ü'), { code: 'BAD_REQUEST', status: 400 }, 'no ASCII')
  t.match(await ask('GET', `/${'x'.repeat(40_000)}`), { code: 'TARGET_TOO_LONG', status: 414 })
  t.match(await ask('GET', '/api/x', [['X-Big', 'x'.repeat(100_000)]]), { code: 'HEADERS_TOO_LARGE', status: 431 })
  t.match(await ask('GET', '/api/x'), { code: 'OK' }, 'and one that can be read is explained as ever')
})
