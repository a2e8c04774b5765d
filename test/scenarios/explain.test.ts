// timeout: 240s
// explain says of a request what the live engine does with it: the same stages, verdicts, codes and reasons, without asking anybody.
import http from 'node:http'
import t, { type Test } from 'tap'
import { Explainer } from '../../core/explain/explain.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import type { TraceRecord } from '../../core/trace/trace.ts'
import type { RunningBascule } from '../kit/bascule.ts'
import { startBridge } from '../kit/bridge.ts'
import { loginByFetch } from '../kit/login.ts'

const configs = 25
const requests = 20

/** The same numbers every time: a failure can be played again. */
function random(seed: number): <T>(list: readonly T[]) => T {
  let state = seed
  return (list) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return list[Math.floor((state / 2 ** 32) * list.length)] as (typeof list)[number]
  }
}

const paths = [
  '/api/*',
  '/api/v1/*',
  '/api/v1/{id}',
  '/api/v1/a',
  '/a',
  '/a*',
  '/{x}/b',
  '/*',
  '/api/v1/{id}/c/*',
  '/auth/*',
]
const targets = [
  '/',
  '/a',
  '/ab',
  '/a/b',
  '/api/',
  '/api/v1/a',
  '/api/v1/b',
  '/api/v1/b/c/d',
  '/api/v1/a%2Fb',
  '/api/../a',
  '/api/%61',
  '/api//v1/a',
  '/x/b?q=1',
  '/auth/session',
  '/auth/nothing',
  '/auth/login',
  '/api/v1/..;/a',
  '/zzz/%zz',
]

function routesYaml(pick: <T>(list: readonly T[]) => T, upstreams: string): string {
  const chosen = [...new Set(Array.from({ length: 5 }, () => pick(paths)))]
  const lines = chosen.map((path, i) => {
    const methods = pick(['', '', 'methods: [GET], ', 'methods: [GET, POST], '])
    const hosts = pick(['', '', 'hosts: [other.example], '])
    const slash = pick(['', 'encoded_slash: keep, '])
    const service = pick(['analytics_service', 'crud_service', 'unmapped'])
    return `  - { id: r${i}, path: "${path}", ${methods}${hosts}${slash}target_service: ${service}, preserve_path: true, auth: ${pick(['session', 'none'])} }`
  })
  return `${upstreams}routes:\n${lines.join('\n')}\n`
}

function send(bascule: RunningBascule, method: string, path: string, headers: http.OutgoingHttpHeaders): Promise<void> {
  const { hostname, port } = new URL(bascule.url)
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent: false }, (res) =>
      res.resume().on('close', resolve),
    )
    request.on('error', reject).end()
  })
}

/** Every trace of the admin listener, by correlation id. */
async function watch(t: Test, bascule: RunningBascule) {
  const waiting = new Map<string, (record: TraceRecord) => void>()
  const request = http.get(`${bascule.adminUrl}/traces`, { agent: false })
  t.teardown(() => request.destroy())
  await new Promise<void>((resolve) => {
    request.on('response', (res) => {
      let rest = ''
      res
        .setEncoding('utf8')
        .on('error', () => {})
        .on('data', (text: string) => {
          resolve()
          const blocks = (rest + text).split('\n\n')
          rest = blocks.pop() ?? ''
          for (const block of blocks) {
            if (!block.startsWith('data: ')) continue
            const record = JSON.parse(block.slice(6)) as TraceRecord
            waiting.get(record.correlation_id)?.(record)
          }
        })
    })
  })
  request.on('error', () => {})
  return (id: string) => new Promise<TraceRecord>((resolve) => waiting.set(id, resolve))
}

const shape = (stages: readonly { name: string; verdict: string; status?: number; code?: string; reason?: string }[]) =>
  stages.map(({ name, verdict, status, code, reason }) => ({ name, verdict, status, code, reason }))

t.test(`${configs * requests} generated requests: explained as they are served`, async (t) => {
  const { bascule, origin, idp, analytics, crud } = await startBridge(t)
  const ada = await loginByFetch(origin)
  await bascule.line((l) => l.msg.includes('bff_service_tokens_mapped'))
  const traceOf = await watch(t, bascule)
  const upstreams = `services:
  analytics_service: { base_url: "${analytics.url}" }
  crud_service: { base_url: "${crud.url}" }
  unmapped: { base_url: "${crud.url}" }
`
  const different: unknown[] = []
  let asked = 0
  let output = ''
  for (let c = 0; c < configs; c++) {
    const pick = random(c + 1)
    do bascule.write({ 'routes.yaml': routesYaml(pick, upstreams) })
    while (!(await bascule.server.reload()))
    const { config } = await loadConfig({ dir: bascule.dir, env: {}, port: Number(new URL(origin).port), adminPort: 0 })
    if (!config) return void t.fail('the config must load')
    const explainer = await Explainer.open(config)
    for (let r = 0; r < requests; r++) {
      const method = pick(['GET', 'GET', 'POST', 'HEAD', 'DELETE'])
      const target = pick(targets)
      const as = pick(['anonymous', 'user'] as const)
      const host = pick([new URL(origin).host, new URL(origin).host, 'other.example'])
      const id = `c${c}-r${r}`
      const traced = traceOf(id)
      await send(bascule, method, target, {
        host,
        'x-correlation-id': id,
        ...(as === 'user' && { cookie: ada.cookie }),
      })
      const live = await traced
      const before = [idp.counts.token, idp.counts.authorize, analytics.requests.length, crud.requests.length]
      const told = await explainer.explain({ method, target, as, headers: [['Host', host]] })
      const after = [idp.counts.token, idp.counts.authorize, analytics.requests.length, crud.requests.length]
      t.same(after, before)
      output += JSON.stringify(told)
      asked++
      const endpoint = live.route?.includes('auth-') // an endpoint answers by itself; what it says is its own
      const [a, b] = [shape(live.stages), shape(told.stages)].map((list) => (endpoint ? list.slice(0, -1) : list))
      const same =
        JSON.stringify([a, live.route]) === JSON.stringify([b, told.route?.id]) && (endpoint || live.code === told.code)
      if (!same)
        different.push({
          id,
          method,
          target,
          as,
          host,
          live: [live.route, a, live.code],
          told: [told.route?.id, b, told.code],
        })
    }
    await explainer.close()
  }
  t.equal(asked, configs * requests)
  t.same(different, [])
  t.notOk(output.includes(idp.clientSecret), 'no secret in what it says')
  t.notMatch(output, /eyJ[\w-]+\./, 'no token either')
})
